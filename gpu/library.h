// What the cgo files share: libraries that are opened by name at run time.

#include <dlfcn.h>
#include <stddef.h>
#include <stdio.h>

// symbol is a function of a library and the pointer that calls go through.
typedef struct {
	const char *name;
	void **at;
} symbol;

// open_library opens the first of the files that is there, and resolves every
// symbol. It writes to why, of room bytes, what is missing, each name after a
// space, or what dlopen said.
static int open_library(const char *const *files, size_t n_files, const symbol *symbols, size_t n_symbols,
	char *why, size_t room) {
	void *lib = 0;
	size_t used = 0;
	for (size_t i = 0; !lib && i < n_files; i++) {
		lib = dlopen(files[i], RTLD_NOW | RTLD_LOCAL);
		if (!lib && used < room)
			used += (size_t)snprintf(why + used, room - used, "%s%s", used ? "; " : "", dlerror());
	}
	if (!lib) return 0;
	used = 0;
	for (size_t i = 0; i < n_symbols; i++) {
		*symbols[i].at = dlsym(lib, symbols[i].name);
		if (!*symbols[i].at && used < room)
			used += (size_t)snprintf(why + used, room - used, " %s", symbols[i].name);
	}
	return used == 0;
}

#define COUNT(list) (sizeof(list) / sizeof *(list))
