/* web/control and ctl/: a line in, a line out, in order; hostile clients. */
#include "unit.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "loop/loop.h"
#include "web/control.h"

static struct loop *loop;
static struct control *control;
static struct control_request *held;
static char folder[] = "/tmp/vetrina-control-XXXXXX";
static char path[128];

static void
handler(
    struct control_request *request, const char *command, json_t *arguments, void *arg)
{
	if (strcmp(command, "hold") == 0)
		held = request;
	else if (strcmp(command, "echo") == 0)
		control_reply(request, json_incref(arguments));
	else
		control_fail(request, "unknown command %s", command);
}

static int
setup(void **state)
{
	assert_non_null(mkdtemp(folder));
	snprintf(path, sizeof(path), "%s/run/control.sock", folder);
	loop = loop_create();
	return control_open(loop, path, handler, NULL, &control);
}

static int
teardown(void **state)
{
	char run[128];

	control_close(control);
	loop_destroy(loop);
	assert_int_equal(access(path, F_OK), -1);
	snprintf(run, sizeof(run), "%s/run", folder);
	rmdir(run);
	return rmdir(folder);
}

static int
dial(void)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);

	strcpy(address.sun_path, path);
	assert_int_equal(connect(fd, (struct sockaddr *)&address, sizeof(address)), 0);
	fcntl(fd, F_SETFL, O_NONBLOCK);
	return fd;
}

static void
say(int fd, const char *text)
{
	assert_int_equal(send(fd, text, strlen(text), MSG_NOSIGNAL), strlen(text));
}

/* Runs the loop until what came holds lines newlines, or the peer closed. */
static const char *
hear(int fd, int lines)
{
	static char text[4096];
	size_t length = 0;
	int seen = 0, rounds;
	ssize_t n;
	char *p;

	for (rounds = 0; rounds < 1000 && seen < lines; rounds++) {
		loop_poll(loop);
		n = read(fd, text + length, sizeof(text) - 1 - length);
		if (n == 0)
			break;
		if (n < 0)
			continue;
		for (p = text + length; p < text + length + n; p++)
			seen += *p == '\n';
		length += n;
	}
	text[length] = '\0';
	return text;
}

static void
answers_come_in_order(void **state)
{
	int fd = dial();

	say(fd,
	    "{\"command\":\"hold\"}\n{\"command\":\"echo\",\"arguments\":{\"a\":1}}\n");
	assert_string_equal(hear(fd, 1), ""); /* the second waits for the first */
	control_reply(held, json_string("late"));
	assert_string_equal(hear(fd, 2),
	    "{\"ok\":true,\"result\":\"late\"}\n{\"ok\":true,\"result\":{\"a\":1}}\n");
	close(fd);
	loop_poll(loop);
}

static void
bad_input_is_answered(void **state)
{
	int fd = dial();

	say(fd, "garbage\n{}\n{\"command\":\"nonsense\"}\n");
	assert_string_equal(hear(fd, 3),
	    "{\"ok\":false,\"error\":\"expected one line of JSON with a "
	    "\\\"command\\\"\"}\n"
	    "{\"ok\":false,\"error\":\"expected one line of JSON with a "
	    "\\\"command\\\"\"}\n"
	    "{\"ok\":false,\"error\":\"unknown command nonsense\"}\n");
	close(fd);
	loop_poll(loop);
}

static void
a_client_that_left_is_forgotten(void **state)
{
	int fd = dial();

	say(fd, "{\"command\":\"hold\"}\n");
	hear(fd, 1);
	close(fd);
	control_reply(held, json_null());
	hear(dial(), 0);
	loop_poll(loop);
}

static void
a_line_without_end_is_cut_off(void **state)
{
	int fd = dial(), i;
	char block[4096];

	memset(block, 'x', sizeof(block));
	for (i = 0; i < 64; i++) {
		if (send(fd, block, sizeof(block), MSG_NOSIGNAL) < 0)
			break;
		loop_poll(loop);
	}
	assert_true(i < 64);
	close(fd);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(answers_come_in_order),
	    cmocka_unit_test(bad_input_is_answered),
	    cmocka_unit_test(a_client_that_left_is_forgotten),
	    cmocka_unit_test(a_line_without_end_is_cut_off),
	};

	return cmocka_run_group_tests_name("control", tests, setup, teardown);
}
