/* Going to the background: one pipe, one byte when ready. */
#include "background.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/log.h"

static int ready_fd = -1;

void
background_enter(void)
{
	int fds[2], status = 0, null;
	char byte;
	pid_t child;

	if (pipe2(fds, O_CLOEXEC) != 0 || (child = fork()) < 0) {
		perror("vetrinad: cannot go to the background");
		exit(1);
	}
	if (child > 0) {
		close(fds[1]);
		if (read(fds[0], &byte, 1) == 1)
			_exit(0);
		waitpid(child, &status, 0);
		_exit(WIFEXITED(status) && WEXITSTATUS(status) != 0
			  ? WEXITSTATUS(status)
			  : 1);
	}
	close(fds[0]);
	ready_fd = fds[1];
	setsid();
	if (chdir("/") != 0)
		perror("vetrinad: /");
	null = open("/dev/null", O_RDWR);
	if (null >= 0) {
		dup2(null, STDIN_FILENO);
		dup2(null, STDOUT_FILENO);
		if (null > STDERR_FILENO)
			close(null);
	}
}

void
background_ready(void)
{
	int null;

	if (ready_fd < 0)
		return;
	log_detach();
	null = open("/dev/null", O_RDWR | O_CLOEXEC);
	if (write(ready_fd, "", 1) != 1)
		perror("vetrinad");
	close(ready_fd);
	ready_fd = -1;
	if (null >= 0) {
		dup2(null, STDERR_FILENO);
		close(null);
	}
}
