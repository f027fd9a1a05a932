"""One file over https, continued where a broken transfer stopped. gdown does it, for any address."""

import pathlib
import re
import urllib.parse

import gdown
import requests

from odelt.errors import OdeltError
from odelt.quoting import one_line
from odelt.sources.retrying import RETRIED_STATUSES, Passing

TIMEOUT = (20, 60)  # seconds to connect, seconds without a byte


def download(url: str, out: pathlib.Path, name: str) -> None:
    """One attempt at the file `out`; what was received of it lies beside it as `<file>….part` and is continued.

    Raises:
        Passing: the connection broke, or the server asks for patience.
        OdeltError: the address does not have it, or this machine cannot take it.
    """
    try:
        # Cookies of a browser would make a download depend on who is signed in on this machine.
        gdown.download(url, str(out), resume=True, use_cookies=False, timeout=TIMEOUT)
    except gdown.FileURLRetrievalError:  # of Google Drive, which has its own reasons
        raise
    except gdown.DownloadError as error:
        if "byte range" in str(error):  # the server cannot continue it, or has another file now: from the start
            for part in out.parent.glob("*.part"):
                part.unlink()
        raise Passing(f"{url}: {one_line(str(error).partition('.')[0])}") from None
    except requests.RequestException as error:
        raise refusal(error, url, name) from None


def refusal(error: requests.RequestException, url: str, name: str) -> Exception:
    """What a failed request comes to: Passing, or OdeltError where another try would not help."""
    host = urllib.parse.urlsplit(url).hostname
    if isinstance(error, requests.HTTPError):
        assert error.response is not None  # it is what the server answered
        status = error.response.status_code
        if status in RETRIED_STATUSES:
            return Passing(f"{host} answers {status} to {url}")
        return OdeltError(f"{name}: {host} answers {status} to {url}; has the file moved? See config/sources.yaml")
    if isinstance(error, requests.exceptions.SSLError):
        return OdeltError(
            f"{name}: the certificate of {host} is not trusted here ({reason(error)}); "
            "behind an intercepting proxy set `certificate` (or SSL_CERT_FILE and REQUESTS_CA_BUNDLE) to its authority"
        )
    if isinstance(error, requests.exceptions.ProxyError):
        return Passing(f"the proxy on the way to {host} does not answer ({reason(error)})")
    return Passing(f"the connection to {host} fails ({reason(error)})")


def reason(error: BaseException) -> str:
    """The innermost words of a chain of wrapped errors: "Connection refused"."""
    while True:
        inner = getattr(error, "reason", None) or next((a for a in error.args if isinstance(a, BaseException)), None)
        if not isinstance(inner, BaseException):
            break
        error = inner
    return one_line(re.sub(r"^.*?(?:object at 0x\w+>|\(host=[^)]*\)): ", "", str(error)))
