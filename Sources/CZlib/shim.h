#ifndef DOCKET_CZLIB_SHIM_H
#define DOCKET_CZLIB_SHIM_H
#include <zlib.h>

// inflateInit2 and deflateInit2 are macros that fill in version and size, which Swift cannot see.
// 15 + 16: the gzip format (RFC 1952) and no other.
static inline int docket_gzip_inflate_init(z_stream *stream) { return inflateInit2(stream, 15 + 16); }
static inline int docket_gzip_deflate_init(z_stream *stream) {
    return deflateInit2(stream, Z_DEFAULT_COMPRESSION, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY);
}

#endif
