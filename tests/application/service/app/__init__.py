# SPDX-License-Identifier: MIT
"""The web application whose worker has grown too big."""
