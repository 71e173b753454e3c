/* SPDX-License-Identifier: MIT
 * Objects that are a handle of another library's state: OpenSSL's, HACL's, zlib's, bzip2's, that of lzma. No size of
 * Python's counts it; what is found is its first block, as large as the allocator says. */
#include "decode/emit.h"

#define OPAQUE_DECODER(id, field, role)                                                                                \
	decode_function decode_##id;                                                                                   \
	void decode_##id(struct decoder *decoder, const struct type_info *type, uint64_t address, struct body body)    \
	{                                                                                                              \
		(void)address;                                                                                         \
		emit_opaque_block(decoder, type, body, FIELD_##field, role);                                           \
	}

OPAQUE_DECODER(openssl_hash, EVPobject_ctx, "state of the hash")
OPAQUE_DECODER(openssl_hmac, HMACobject_ctx, "state of the hash")
OPAQUE_DECODER(hmac, HMACObject_state, "state of the hash")
OPAQUE_DECODER(md5, MD5object_hash_state, "state of the hash")
OPAQUE_DECODER(sha1, SHA1object_hash_state, "state of the hash")
OPAQUE_DECODER(sha256, SHA256object_state, "state of the hash")
OPAQUE_DECODER(sha512, SHA512object_state, "state of the hash")
OPAQUE_DECODER(sha3, SHA3object_hash_state, "state of the hash")
OPAQUE_DECODER(blake2b, Blake2Object_blake2b_state, "state of the hash")
OPAQUE_DECODER(memory_bio, PySSLMemoryBIO_bio, "buffer of OpenSSL")
OPAQUE_DECODER(ssl_socket, PySSLSocket_ssl, "connection of OpenSSL")
OPAQUE_DECODER(ssl_session, PySSLSession_session, "session of OpenSSL")
OPAQUE_DECODER(compress_object, compobject_zst_state, "state of zlib")
OPAQUE_DECODER(bz2_compressor, BZ2Compressor_bzs_state, "state of bzip2")
OPAQUE_DECODER(lzma_compressor, Compressor_lzs_internal, "state of lzma")
