#ifndef DOCKET_CPCRE2_SHIM_H
#define DOCKET_CPCRE2_SHIM_H
// The library's names carry the width of a code unit, which has to be named before the header is read.
#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>

// Expressions of macros, which Swift cannot see.
static const uint32_t docket_pcre2_options = PCRE2_UTF | PCRE2_NO_UTF_CHECK | PCRE2_NEVER_BACKSLASH_C;
static const int docket_pcre2_text_is_valid = PCRE2_NO_UTF_CHECK;

#endif
