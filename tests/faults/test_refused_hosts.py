"""What must not be spoken to: hosts that redirect, and hosts that cannot prove who they are."""

import asyncio
import ipaddress
import ssl
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final

import orjson
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from tests.adapters.test_http import keep_answering
from tests.adapters.wire_faults import Exchange, RawServer, ok, serving
from tests.stories.job import Job, Target, checked
from tests.stories.world import TOKEN, World, items_of, made_world

pytestmark = pytest.mark.anyio

ITEMS: Final = 40
CONCURRENCY: Final = 4
# The alert of a TLS server to a client that speaks no version which it knows.
NO_SUCH_VERSION: Final = b"\x15\x03\x01\x00\x02\x02\x46"


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.mark.fault("F35", seen="exit 77; nobody called the other host, nothing was sent again")
@pytest.mark.parametrize("status", [301, 302, 307, 308])
async def test_a_redirect_is_not_followed_and_stops_the_target(tmp_path: Path, status: int) -> None:
    async with serving(keep_answering) as elsewhere:

        async def redirect(exchange: Exchange) -> None:
            while True:
                await exchange.read()
                location = b"Location: " + elsewhere.url.encode() + b"/elsewhere"
                await exchange.write(ok(b"{}", location, status=b"%d Moved" % status))

        async with serving(redirect) as server:
            code, report = await apply(tmp_path, server.url)

            assert code == 77
            assert report["stopped"] == {"coze-cn": "redirected"}
            assert {row["outcome"] for row in report["items"]} <= {"failed", "not_attempted"}
            assert len(server.requests) <= CONCURRENCY
            assert elsewhere.connections == 0


@dataclass(frozen=True)
class Authority:
    """One that the client trusts, and the files that say so."""

    folder: Path
    key: ec.EllipticCurvePrivateKey
    certificate: x509.Certificate

    @property
    def trusted(self) -> Path:
        return self.folder / "authority.pem"

    def issue(self, host: str, days: int) -> Path:
        """Issue a certificate for *host* that is good for so many days from yesterday on, and give its file."""
        key = ec.generate_private_key(ec.SECP256R1())
        certificate = signed(key, host, self.certificate.subject, self.key, days)
        path = self.folder / f"{host}-{days}.pem"
        path.write_bytes(pem(key) + certificate.public_bytes(serialization.Encoding.PEM))
        return path


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    folder = tmp_path_factory.mktemp("authority")
    key = ec.generate_private_key(ec.SECP256R1())
    certificate = signed(key, "authority", None, key, 30)
    (folder / "authority.pem").write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    return Authority(folder, key, certificate)


async def test_a_host_that_proves_who_it_is_is_spoken_to(tmp_path: Path, authority: Authority) -> None:
    async with tls_server(authority.issue("localhost", 10)) as server:
        code, _ = await apply(tmp_path, address(server), authority.trusted)

        assert code == 0
        assert len(server.requests) == ITEMS


@pytest.mark.fault("F36", seen="exit 1; no request, at most one connection for each worker")
@pytest.mark.parametrize(
    ("host", "days", "trusted"),
    [
        pytest.param("localhost", 10, False, id="nobody's"),
        pytest.param("localhost", -1, True, id="out of date"),
        pytest.param("elsewhere.example", 10, True, id="of another name"),
    ],
)
async def test_a_host_that_does_not_prove_who_it_is_gets_nothing(
    tmp_path: Path, authority: Authority, host: str, days: int, *, trusted: bool
) -> None:
    async with tls_server(authority.issue(host, days)) as server:
        check_refused(server, *await apply(tmp_path, address(server), authority.trusted if trusted else None))


@pytest.mark.fault("F36", seen="exit 1; no request, at most one connection for each worker")
async def test_a_host_that_speaks_only_an_old_tls_gets_nothing(tmp_path: Path) -> None:
    async def refuse(exchange: Exchange) -> None:
        await exchange.write(NO_SUCH_VERSION)
        await asyncio.sleep(0.2)

    async with serving(refuse) as server:
        check_refused(server, *await apply(tmp_path, address(server)))


def check_refused(server: RawServer, code: int, report: Any) -> None:
    assert code == 1
    assert report["stopped"] == {"coze-cn": "tls"}
    assert {row["outcome"] for row in report["items"]} <= {"failed", "not_attempted"}
    assert not server.requests
    assert server.connections <= CONCURRENCY


def address(server: RawServer) -> str:
    return f"https://localhost:{server.port}"


@asynccontextmanager
async def tls_server(certificate: Path) -> AsyncIterator[RawServer]:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    async with serving(keep_answering, context) as server:
        yield server


async def apply(folder: Path, url: str, trusted: Path | None = None) -> tuple[int, Any]:
    """Bring some items over to the server at *url*, beside the servers of this loop; give the code and the report."""
    made = made_world(200)
    job = Job(folder / "workspace", url, [Target("coze-cn", "1000/s", CONCURRENCY)])
    job.declare(World(made.before, items_of(made, "coze-cn")[:ITEMS]))
    environment = job.environment if trusted is None else {**job.environment, "SSL_CERT_FILE": str(trusted)}
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "kbsync", "apply", "--yes", "--report", "report.json"),
        cwd=job.folder,
        env=environment,
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.PIPE,
    )
    _, err = await process.communicate()
    assert process.returncode is not None
    assert b"Traceback" not in err, err.decode()
    assert TOKEN.encode() not in err
    return process.returncode, checked(orjson.loads((job.folder / "report.json").read_bytes()), process.returncode)


def signed(
    key: ec.EllipticCurvePrivateKey,
    host: str,
    issuer: x509.Name | None,
    issuer_key: ec.EllipticCurvePrivateKey,
    days: int,
) -> x509.Certificate:
    """Sign a certificate for *key*; without an *issuer* it is one that issues others."""
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, host)])
    begin = datetime.now(UTC) - timedelta(days=3)
    return (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(issuer or name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(begin)
        .not_valid_after(datetime.now(UTC) + timedelta(days=days))
        .add_extension(x509.BasicConstraints(ca=issuer is None, path_length=None), critical=True)
        .add_extension(
            x509.SubjectAlternativeName([x509.DNSName(host), x509.IPAddress(ipaddress.ip_address("127.0.0.2"))]),
            critical=False,
        )
        .sign(issuer_key, hashes.SHA256())
    )


def pem(key: ec.EllipticCurvePrivateKey) -> bytes:
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
