"""Credentials made up in the forms that their vendors document: from a seed, so that no source holds one.

Two sets of thirty. The scan's rules were tuned with the first; the second was written afterwards from the vendors'
pages; what it showed to be missing was mended too, so that neither is independent any more.
"""

from __future__ import annotations

import base64
import json
import string
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from random import Random

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519

UPPER, LOWER, DIGITS, HEX = string.ascii_uppercase, string.ascii_lowercase, string.digits, "0123456789abcdef"
WORD = string.ascii_letters + DIGITS
URL_SAFE, BASE64 = WORD + "-_", WORD + "+/"
BASE32 = UPPER + "234567"  # RFC 4648


@dataclass(frozen=True, slots=True)
class Format:
    """One kind of credential: what it is called, the variable it usually stands in, and how one is made."""

    kind: str
    variable: str
    make: Callable[[Random], str]


def run(random: Random, characters: str, length: int) -> str:
    """`length` of the characters, each equally likely."""
    return "".join(random.choice(characters) for _ in range(length))


def _after(prefix: str, characters: str, length: int, suffix: str = "") -> Callable[[Random], str]:
    return lambda random: prefix + run(random, characters, length) + suffix


def _checked(prefix: str) -> Callable[[Random], str]:
    """GitHub's form: 30 random characters and six of their CRC-32, in base 62 (github.blog, 2021-04-05)."""

    def make(random: Random) -> str:
        entropy = run(random, WORD, 30)
        rest, digits = zlib.crc32(entropy.encode()), ""
        while rest:
            rest, digit = divmod(rest, 62)
            digits = (DIGITS + UPPER + LOWER)[digit] + digits
        return prefix + entropy + digits.rjust(6, "0")

    return make


def pem(label: str, body: str) -> str:
    """An RFC 7468 text of that label, its lines 64 long."""
    lines = [body[at : at + 64] for at in range(0, len(body), 64)]
    return "\n".join((f"-----BEGIN {label}-----", *lines, f"-----END {label}-----"))


PRIVATE = "PRIVATE" + " KEY"  # in two, as every such word here: other people's scanners read this file too


def _rsa(random: Random) -> str:
    return pem(f"RSA {PRIVATE}", "MIIEpAIBAAKCAQEA" + run(random, BASE64, 1570) + "==")


def _openssh(random: Random) -> str:
    key = ed25519.Ed25519PrivateKey.from_private_bytes(random.randbytes(32))
    form = serialization.PrivateFormat.OpenSSH
    return key.private_bytes(serialization.Encoding.PEM, form, serialization.NoEncryption()).decode().strip()


def _service_account(random: Random) -> str:
    key = pem(PRIVATE, "MIIEvQIBADANBgkqhkiG9w0BAQEFAASC" + run(random, BASE64, 1588) + "==") + "\n"
    account = {
        "type": "service_account",
        "project_id": "harbour-lights",
        "private_key_id": run(random, HEX, 40),
        "private_key": key,
        "client_email": "deploy@harbour-lights.iam.gserviceaccount.com",
        "client_id": run(random, DIGITS, 21),
        "token_uri": "https://oauth2.googleapis.com/token",
    }
    return json.dumps(account, indent=2)


def _aws_pair(random: Random) -> str:
    return f"AKIA{run(random, BASE32, 16)}\nAWS_SECRET_ACCESS_KEY={run(random, BASE64, 40)}"


def _discord(random: Random) -> str:
    user = base64.b64encode(run(random, "12345678", 18).encode()).decode()
    return f"{user}.{run(random, URL_SAFE, 6)}.{run(random, URL_SAFE, 38)}"


def _slack_hook(random: Random) -> str:
    place = f"T{run(random, UPPER + DIGITS, 10)}/B{run(random, UPPER + DIGITS, 10)}/{run(random, WORD, 24)}"
    return f"https://hooks.slack.com/services/{place}"


FIRST: tuple[Format, ...] = (
    Format("GitHub personal access token", "GITHUB_TOKEN", _checked("gh" + "p_")),
    Format(
        "GitHub fine-grained token",
        "GH_TOKEN",
        lambda r: "github_" + f"pat_11{run(r, UPPER + DIGITS, 20)}_{run(r, WORD, 59)}",
    ),
    Format("GitHub app token", "INSTALLATION_TOKEN", _checked("gh" + "s_")),
    Format("GitLab personal access token", "GITLAB_TOKEN", _after("gl" + "pat-", URL_SAFE, 20)),
    Format("GitLab runner token", "RUNNER_TOKEN", _after("gl" + "rt-", URL_SAFE, 20)),
    Format("AWS access key and secret", "AWS_ACCESS_KEY_ID", _aws_pair),
    Format("npm token", "NPM_TOKEN", _checked("npm" + "_")),
    Format("PyPI token", "TWINE_PASSWORD", _after("pypi-" + "AgEIcHlwaS5vcmc", URL_SAFE, 150)),
    Format("Anthropic key", "ANTHROPIC_API_KEY", _after("sk-" + "ant-api03-", URL_SAFE, 93, "AA")),
    Format(
        "OpenAI key",
        "OPENAI_API_KEY",
        lambda r: f"sk-{'proj'}-{run(r, URL_SAFE, 74)}T3Blbk{'FJ'}{run(r, URL_SAFE, 74)}",
    ),
    Format(
        "Slack bot token",
        "SLACK_BOT_TOKEN",
        lambda r: f"{'xoxb'}-{run(r, '123456789', 12)}-{run(r, '123456789', 13)}-{run(r, WORD, 24)}",
    ),
    Format("Slack webhook", "SLACK_WEBHOOK_URL", _slack_hook),
    Format("Stripe live key", "STRIPE_SECRET_KEY", _after("sk_" + "live_51", WORD, 97)),
    Format("Google service account", "GOOGLE_CREDENTIALS", _service_account),
    Format("Google API key", "MAPS_API_KEY", _after("AI" + "za", URL_SAFE, 35)),
    Format(
        "Azure storage connection string",
        "AZURE_STORAGE_CONNECTION_STRING",
        lambda r: (
            "DefaultEndpointsProtocol=https;AccountName=harbourlights;AccountKey="
            f"{base64.b64encode(r.randbytes(64)).decode()};EndpointSuffix=core.windows.net"
        ),
    ),
    Format("Twilio API key", "TWILIO_API_KEY", _after("S" + "K", HEX, 32)),
    Format("SendGrid key", "SENDGRID_API_KEY", lambda r: f"{'SG'}.{run(r, URL_SAFE, 22)}.{run(r, URL_SAFE, 43)}"),
    Format("Telegram bot token", "BOT_TOKEN", lambda r: f"{run(r, '123456789', 10)}:AA{run(r, URL_SAFE, 33)}"),
    Format("Discord bot token", "BOT_TOKEN", _discord),
    Format("Shopify token", "SHOP_TOKEN", _after("shp" + "at_", HEX, 32)),
    Format("DigitalOcean token", "DO_TOKEN", _after("dop_" + "v1_", HEX, 64)),
    Format("Hugging Face token", "HF_TOKEN", _after("h" + "f_", string.ascii_letters, 34)),
    Format("RSA private key", "SIGNING_KEY", _rsa),
    Format("OpenSSH private key", "DEPLOY_KEY", _openssh),
    Format("age secret key", "SOPS_AGE_KEY", _after("AGE-SECRET" + "-KEY-1", "QPZRY9X8GF2TVDW0S3JN54KHCE6MUA7L", 58)),
    Format(
        "password in an address",
        "REPOSITORY",
        lambda r: f"https://deploy:{run(r, WORD, 20)}@packages.harbour-lights.io/simple/",
    ),
    Format("Databricks token", "DATABRICKS_TOKEN", _after("da" + "pi", HEX, 32)),
    Format("Mailchimp key", "MAIL_KEY", lambda r: f"{run(r, HEX, 32)}-us{r.randint(1, 21)}"),
    Format("Square access token", "SQUARE_TOKEN", lambda r: f"EA{'AA'}{run(r, 'EFGHIJ', 1)}{run(r, URL_SAFE, 59)}"),
)


def _ec_key(random: Random) -> str:
    key = ec.derive_private_key(random.getrandbits(240), ec.SECP256R1())
    form = serialization.PrivateFormat.TraditionalOpenSSL
    return key.private_bytes(serialization.Encoding.PEM, form, serialization.NoEncryption()).decode().strip()


def _aws_session(random: Random) -> str:
    secret, session = run(random, BASE64, 40), "IQoJb3JpZ2luX2VjE" + run(random, BASE64, 400)
    return f"ASIA{run(random, BASE32, 16)}\nAWS_SECRET_ACCESS_KEY={secret}\nAWS_SESSION_TOKEN={session}"


def _service_bus(random: Random) -> str:
    key = base64.b64encode(random.randbytes(32)).decode()
    name = "SharedAccessKeyName=RootManageSharedAccessKey"
    return f"Endpoint=sb://harbour-lights.servicebus.windows.net/;{name};SharedAccessKey={key}"


def _signed_address(random: Random) -> str:
    signature = base64.b64encode(random.randbytes(32)).decode()
    signature = signature.replace("+", "%2B").replace("/", "%2F").replace("=", "%3D")
    place = "https://harbourlights.blob.core.windows.net/backups/monday.tar"
    return f"{place}?sv=2024-11-04&ss=b&srt=sco&sp=rwdlac&se=2027-01-01T00:00:00Z&spr=https&sig={signature}"


SECOND: tuple[Format, ...] = (
    Format("GitHub OAuth token", "GITHUB_TOKEN", _checked("gh" + "o_")),
    Format("GitHub refresh token", "REFRESH_TOKEN", _after("gh" + "r_", WORD, 76)),
    Format("GitLab deploy token", "CI_DEPLOY_PASSWORD", _after("gl" + "dt-", URL_SAFE, 20)),
    Format(
        "GitLab routable token",
        "GITLAB_TOKEN",
        lambda r: f"{'gl'}pat-{run(r, URL_SAFE, 40)}.01.{run(r, LOWER + DIGITS, 9)}",
    ),
    Format(
        "Atlassian API token",
        "JIRA_TOKEN",
        lambda r: f"{'ATATT'}3xFfGF0{run(r, URL_SAFE, 171)}={run(r, '0123456789ABCDEF', 8)}",
    ),
    Format(
        "Slack app token",
        "SLACK_APP_TOKEN",
        lambda r: f"{'xapp'}-1-A{run(r, UPPER + DIGITS, 10)}-{run(r, '123456789', 13)}-{run(r, HEX, 64)}",
    ),
    Format(
        "Slack user token",
        "SLACK_TOKEN",
        lambda r: (
            f"{'xoxp'}-{run(r, '123456789', 12)}-{run(r, '123456789', 12)}-{run(r, '123456789', 13)}-{run(r, HEX, 32)}"
        ),
    ),
    Format("Stripe restricted key", "STRIPE_KEY", _after("rk_" + "live_51", WORD, 97)),
    Format("Square application secret", "SQUARE_SECRET", _after("sq0" + "csp-", URL_SAFE, 43)),
    Format("AWS session", "AWS_ACCESS_KEY_ID", _aws_session),
    Format("AWS secret alone", "AWS_SECRET_ACCESS_KEY", lambda r: run(r, BASE64, 40)),
    Format(
        "Azure client secret",
        "AZURE_CLIENT_SECRET",
        lambda r: f"{run(r, WORD, 3)}8Q~{run(r, WORD + '_.-', 34)}",
    ),
    Format("Azure Service Bus connection string", "SERVICE_BUS", _service_bus),
    Format("Azure signed address", "BACKUP_URL", _signed_address),
    Format("Google OAuth client secret", "GOOGLE_CLIENT_SECRET", _after("GOC" + "SPX-", URL_SAFE, 28)),
    Format("Docker Hub token", "DOCKER_PASSWORD", _after("dckr_" + "pat_", URL_SAFE, 27)),
    Format("Vault token", "VAULT_TOKEN", _after("hv" + "s.CAESI", URL_SAFE, 90)),
    Format(
        "Terraform Cloud token",
        "TF_TOKEN_app_terraform_io",
        lambda r: f"{run(r, WORD, 14)}.{'atlas'}v1.{run(r, WORD, 67)}",
    ),
    Format("Pulumi token", "PULUMI_ACCESS_TOKEN", _after("pu" + "l-", HEX, 40)),
    Format(
        "Grafana service account token",
        "GRAFANA_TOKEN",
        lambda r: f"{'gl'}sa_{run(r, WORD, 32)}_{run(r, HEX, 8)}",
    ),
    Format("New Relic user key", "NEW_RELIC_API_KEY", _after("NR" + "AK-", UPPER + DIGITS, 27)),
    Format("Datadog API key", "DD_API_KEY", lambda r: run(r, HEX, 32)),
    Format("Cloudflare API token", "CLOUDFLARE_API_TOKEN", lambda r: run(r, URL_SAFE, 40)),
    Format("Twilio auth token", "TWILIO_AUTH_TOKEN", lambda r: run(r, HEX, 32)),
    Format("Notion token", "NOTION_TOKEN", lambda r: f"{'ntn'}_{run(r, '123456789', 11)}{run(r, WORD, 35)}"),
    Format("Postman key", "POSTMAN_API_KEY", lambda r: f"{'PM'}AK-{run(r, HEX, 24)}-{run(r, HEX, 34)}"),
    Format("RubyGems key", "GEM_HOST_API_KEY", _after("ruby" + "gems_", HEX, 48)),
    Format(
        "PostgreSQL address",
        "DATABASE_URL",
        lambda r: f"postgresql://harbour:{run(r, WORD, 16)}@db7.harbour-lights.io:5432/harbour",
    ),
    Format(
        "MongoDB address",
        "MONGODB_URI",
        lambda r: f"mongodb+srv://harbour:{run(r, WORD, 16)}@cluster0.a1b2c.mongodb.net/harbour?retryWrites=true",
    ),
    Format("EC private key", "SIGNING_KEY", _ec_key),
)
