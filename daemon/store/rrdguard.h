/*
 * Updates of round-robin databases that survive a kill -9. librrd changes a mapped
 * file in place, first the row and the index of the newest, then the time of the last
 * update: killed between the two, the next update would move the archive by a row, all
 * its history with it. So before an update what it changes in the head (kilobytes) is
 * copied to a file beside, and put back at the next start if the update did not end;
 * the journal has its rows still, and they are written again.
 *
 * One update at a time: this belongs to the rrd thread. A sudden loss of power is
 * another matter: the kernel writes pages in an order of its own.
 */
#ifndef VT_STORE_RRDGUARD_H
#define VT_STORE_RRDGUARD_H

struct rrdguard;

/* Puts back what an interrupted update left, if there was one. -> 0 or negative. */
int rrdguard_open(const char *folder, struct rrdguard **out);
void rrdguard_close(struct rrdguard *guard);

/* Around an update of the file. begin: -> 0 or negative, then no update and no end:
 * -ENOENT, ERR_DAMAGED. When the copy cannot be written, the update is let through. */
int rrdguard_begin(struct rrdguard *guard, const char *path);
void rrdguard_end(struct rrdguard *guard);

#endif
