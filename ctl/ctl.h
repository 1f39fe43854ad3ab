/* vetrinactl: the command line over the control socket. */
#ifndef VT_CTL_CTL_H
#define VT_CTL_CTL_H

/* Exit codes of vetrinactl(1). */
enum {
	CTL_OK = 0,
	CTL_REFUSED = 1,	/* the daemon answered with an error */
	CTL_USAGE = 2,
	CTL_UNREACHABLE = 3,	/* no daemon behind the socket, or it went away */
	CTL_NOT_UP = 4,		/* check --now: measured, and neither up nor degraded */
};

int ctl_main(int argc, char **argv);

#endif
