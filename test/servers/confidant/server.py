"""Confidant as gunicorn loads it: `gunicorn server:app`, from this folder.

The application is the published package, unchanged. Stand-ins take the place of what it imports and its API does
without: the package `certificate_authority`, which the published wheel leaves out; SAML, whose library is compiled
against the system's headers; and the redirect to HTTPS, which is not published as a wheel.
"""

import os
import sys
import types

import markupsafe

# Settings of the person who runs the tests, which would come before the keys that the server is started with.
for name in ("AWS_PROFILE", "AWS_SESSION_TOKEN"):
    os.environ.pop(name, None)

# Jinja 2.11 uses the name that newer releases of MarkupSafe have dropped, and older ones have no wheels for new Pythons.
markupsafe.soft_unicode = markupsafe.soft_str


def stand_in(name, **members):
    module = types.ModuleType(name)
    module.__path__ = []
    module.__dict__.update(members)
    sys.modules[name] = module


def absent(name):
    """A class of that name which cannot be used."""

    def refuse(self, *_, **__):
        raise NotImplementedError(f"{name} is no part of this server")

    return type(name, (), {"__init__": refuse})


def error(name):
    return type(name, (Exception,), {})


certificates = "confidant.services.certificate_authority"
stand_in(certificates)
stand_in(f"{certificates}.acmpca", ACMPrivateCertificateAuthority=absent("ACMPrivateCertificateAuthority"))
stand_in(f"{certificates}.customca", CustomCertificateAuthority=absent("CustomCertificateAuthority"))
stand_in(
    f"{certificates}.certificateauthoritybase",
    CertificateAuthorityBase=absent("CertificateAuthorityBase"),
    CertificateAuthorityNotFoundError=error("CertificateAuthorityNotFoundError"),
    CertificateNotReadyError=error("CertificateNotReadyError"),
)
stand_in("onelogin")
stand_in("onelogin.saml2")
stand_in("onelogin.saml2.auth", OneLogin_Saml2_Auth=absent("OneLogin_Saml2_Auth"))
stand_in("flask_sslify", SSLify=absent("SSLify"))

from confidant.wsgi import app  # noqa: E402, F401
