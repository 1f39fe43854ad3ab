/* web/control and ctl/: a line in, a line out, in order; hostile clients. */
#include "unit.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "loop/loop.h"
#include "web/control.h"

static struct loop *loop;
static struct control *control;
static struct control_request *held;
static char big[1 << 20];
static int answered;
static char folder[] = "/tmp/vetrina-control-XXXXXX";
static char path[128];

static void
handler(
    struct control_request *request, const char *command, json_t *arguments, void *arg)
{
	answered++;
	if (strcmp(command, "hold") == 0)
		held = request;
	else if (strcmp(command, "echo") == 0)
		control_reply(request, json_incref(arguments));
	else if (strcmp(command, "nothing") == 0)
		control_reply(
		    request, NULL); /* as json_pack() does of what is no UTF-8 */
	else if (strcmp(command, "latin") == 0)
		control_fail(request, "citt\xe0\nnumero\033 due: %2000s\xc3", "x");
	else if (strcmp(command, "big") == 0)
		control_reply(request, json_stringn(big, sizeof(big)));
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

/* Connected, or not if too many wait already. */
static int
dial(void)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0);

	strcpy(address.sun_path, path);
	if (connect(fd, (struct sockaddr *)&address, sizeof(address)) != 0)
		assert_int_equal(errno, EAGAIN);
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

/* What cannot be told as JSON ends neither the daemon nor the connection. */
static void
strange_text_is_answered(void **state)
{
	int fd = dial();
	const char *text;

	say(fd, "{\"command\":\"nothing\"}\n{\"command\":\"echo\"}\n");
	assert_string_equal(hear(fd, 2), "{\"ok\":false,\"error\":\"the answer cannot "
					 "be told; the log says more\"}\n"
					 "{\"ok\":true,\"result\":{}}\n");
	say(fd, "{\"command\":\"latin\"}\n");
	text = hear(fd, 1);
	assert_non_null(strstr(text, "\"citt?\\nnumero? due: "));
	assert_non_null(strstr(text, " x?\"}\n"));
	close(fd);
	loop_poll(loop);
}

/* Who asks and does not read is not asked for more. */
static void
answers_do_not_pile_up(void **state)
{
	size_t length = 0,
	       wanted = 8 * (sizeof(big) + strlen("{'ok':true,'result':''}\n"));
	char block[65536];
	int fd = dial(), i;
	ssize_t n;

	memset(big, 'x', sizeof(big));
	answered = 0;
	for (i = 0; i < 8; i++)
		say(fd, "{\"command\":\"big\"}\n");
	for (i = 0; i < 100; i++)
		loop_poll(loop);
	assert_int_equal(answered, 1);
	for (i = 0; i < 100000 && length < wanted; i++) {
		loop_poll(loop);
		n = read(fd, block, sizeof(block));
		length += n > 0 ? n : 0;
	}
	assert_int_equal(length, wanted);
	assert_int_equal(answered, 8);
	close(fd);
	loop_poll(loop);
}

static void
only_its_owner_may_speak(void **state)
{
	struct stat st;

	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0600);
}

static void
what_is_no_socket_stays(void **state)
{
	struct control *other = NULL;
	char file[128];
	int fd;

	snprintf(file, sizeof(file), "%s/file", folder);
	fd = open(file, O_WRONLY | O_CREAT, 0600);
	assert_int_equal(write(fd, "x", 1), 1);
	close(fd);
	assert_int_equal(control_open(loop, file, handler, NULL, &other), -EADDRINUSE);
	assert_int_equal(unlink(file), 0);
}

/* Nor does a peer that takes no calls hold us up. */
static void
a_socket_in_use_stays(void **state)
{
	struct control *other = NULL;
	int fds[64], i;

	assert_int_equal(control_open(loop, path, handler, NULL, &other), -EADDRINUSE);
	for (i = 0; i < 64; i++)
		fds[i] = dial();
	assert_int_equal(control_open(loop, path, handler, NULL, &other), -EADDRINUSE);
	for (i = 0; i < 64; i++)
		close(fds[i]);
	for (i = 0; i < 100; i++)
		loop_poll(loop);
}

/* Without descriptors left, who calls is sent away: the loop does not spin. */
static void
no_descriptor_is_left(void **state)
{
	struct rlimit before, limit;
	int fd = dial(), other = dial(), i;
	char c;

	assert_int_equal(getrlimit(RLIMIT_NOFILE, &before), 0);
	limit = before;
	limit.rlim_cur = other + 1;
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &limit), 0);
	for (i = 0; i < 10; i++)
		loop_poll(loop);
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &before), 0);
	assert_int_equal(read(fd, &c, 1), 0);
	assert_int_equal(read(other, &c, 1), 0);
	close(fd);
	close(other);
	fd = dial();
	say(fd, "{\"command\":\"echo\"}\n");
	assert_string_equal(hear(fd, 1), "{\"ok\":true,\"result\":{}}\n");
	close(fd);
	loop_poll(loop);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(answers_come_in_order),
	    cmocka_unit_test(bad_input_is_answered),
	    cmocka_unit_test(a_client_that_left_is_forgotten),
	    cmocka_unit_test(a_line_without_end_is_cut_off),
	    cmocka_unit_test(strange_text_is_answered),
	    cmocka_unit_test(answers_do_not_pile_up),
	    cmocka_unit_test(only_its_owner_may_speak),
	    cmocka_unit_test(what_is_no_socket_stays),
	    cmocka_unit_test(a_socket_in_use_stays),
	    cmocka_unit_test(no_descriptor_is_left),
	};

	return cmocka_run_group_tests_name("control", tests, setup, teardown);
}
