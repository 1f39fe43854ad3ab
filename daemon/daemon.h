/*
 * The daemon: wires the floors together, bottom up, and takes them down again.
 */
#ifndef VT_DAEMON_H
#define VT_DAEMON_H

/* vetrinad(8): parses the arguments, runs until SIGTERM. -> the exit code. */
int daemon_main(int argc, char **argv);

#endif
