# VT_TRY_CFLAG(FLAG, VARIABLE, [link]): adds FLAG to VARIABLE if the compiler
# takes it without a warning (and, if asked, the linker too).
AC_DEFUN([VT_TRY_CFLAG], [
	AS_VAR_PUSHDEF([cache], [vt_cv_cflag_$1])
	AC_CACHE_CHECK([whether $CC takes $1], [cache], [
		vt_save_CFLAGS=$CFLAGS
		CFLAGS="$CFLAGS -Werror $1"
		m4_if([$3], [link],
		    [AC_LINK_IFELSE([AC_LANG_PROGRAM([[]], [[]])],
		        [AS_VAR_SET([cache], [yes])], [AS_VAR_SET([cache], [no])])],
		    [AC_COMPILE_IFELSE([AC_LANG_PROGRAM([[]], [[]])],
		        [AS_VAR_SET([cache], [yes])], [AS_VAR_SET([cache], [no])])])
		CFLAGS=$vt_save_CFLAGS
	])
	AS_VAR_IF([cache], [yes], [$2="$[]$2 $1"])
	AS_VAR_POPDEF([cache])
])
