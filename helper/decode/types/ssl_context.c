/* SPDX-License-Identifier: MIT
 * ssl.SSLContext: up to 3.13.0 the key log's name and the callbacks for pre-shared keys are not visited
 * (Modules/_ssl.c context_traverse). */
#include "decode/decode_functions.h"
#include "decode/emit.h"

void decode_ssl_context(struct decoder *decoder, const struct type_info *type, uint64_t address, struct body body)
{
	uint32_t hidden = layout_feature(decoder->layout, FEATURE_SSL_CONTEXT_VISITED) ? 0 : RUN_HIDDEN;
	emit_opaque_block(decoder, type, body, FIELD_PySSLContext_ctx, "context of OpenSSL");
	emit_field(decoder, address, body, FIELD_PySSLContext_keylog_filename, hidden);
	emit_field(decoder, address, body, FIELD_PySSLContext_psk_client_callback, hidden);
	emit_field(decoder, address, body, FIELD_PySSLContext_psk_server_callback, hidden);
}
