"""What a finding of the credential scan means: a known form, a suspicion, or what an example has in its place. Pure."""

from __future__ import annotations

import re
from typing import Final
from urllib.parse import unquote

# Names and public halves: the catalogue shows them, and nothing is lost when someone reads them.
_PUBLIC: Final = frozenset(
    {
        *("adobe-client-id", "asana-client-id", "bitbucket-client-id", "discord-client-id", "linkedin-client-id"),
        *("looker-client-id", "messagebird-client-id", "plaid-client-id", "sumologic-access-id", "sendbird-access-id"),
        *("new-relic-user-api-id", "flutterwave-public-key", "lob-pub-api-key", "mailgun-pub-key"),
        *("mapbox-api-token", "posthog-project-api-key", "devcycle-client-sdk-key", "devcycle-mobile-sdk-key"),
        # Found only where the private key in it is none, for that has a rule of its own.
        "gcp-service-account",
    }
)
# A form that examples have as well, or one that ends by itself: told, and no reason to stop.
_SUSPECTED: Final = frozenset(
    {
        *("jwt", "jwt-base64", "kubernetes-secret-yaml", "curl-auth-header", "curl-auth-user", "hashicorp-tf-password"),
        *("gcp-application-default-credentials", "easypost-test-api-token", "flutterwave-encryption-key"),
        *("flutterwave-secret-key", "random", "random-digits"),
    }
)
_RANDOM: Final = frozenset({"random", "random-digits"})
# Here a person chose the secret, so that its form says nothing of it.
_CHOSEN: Final = frozenset(
    {"generic-credential-uri", "mongodb-connection-string", "netrc", "nuget-config-password", "password-in-address"}
)

_NAMES: Final = {
    "aws-access-token": "AWS access key",
    "generic-credential-uri": "password in an address",
    "gcp-api-key": "Google API key",
    "jwt": "JSON web token",
    "netrc": "password of a .netrc file",
    "private-key": "private key",
    "password-in-address": "password in an address",
    "random": "random text that is named a secret",
    "random-digits": "random text that is named a secret",
}
# The catalogue's names are sentences: “Uncovered a GitHub Personal Access Token, potentially leading to …”.
_SENTENCE: Final = re.compile(
    r"^(?:(?:uncovered|identified|detected|discovered|found)\s+)?"
    r"(?:(?:a|the)\s+pattern\s+[\w\s]*?(?:indicate|resembles|resembling)\s+)?(?:(?:an?|the)\s+)?"
    r"(?:potential\s+|possible\s+)?(?P<name>.+?)"
    r"(?:,|\.(?:\s|$)|\s(?:which|that|is|used|provided|detected)\s|\s-\s|$)",
    re.I,
)

_STAND_IN: Final = re.compile(
    r"example|x{5}|\*{3}|\.{3}|…|<[^<>]*>|\$\{|\{\{|345678|abcdefg|([^\WA])\1{5}"  # many A are in some forms
    r"|change.?me|place.?holder|redacted|dummy|your[._-]|insert[._-]|replace[._-]",
    re.I,
)
# In a long text, chance brings the short words about.
_STAND_IN_LONG: Final = re.compile(r"\.{3}|…|<[^<>]*>|\$\{|\{\{|x{8}|redacted|placeholder", re.I)
_CERTIFICATE: Final = "LS0tLS1CRUdJTiBDRVJU"  # “-----BEGIN CERT” in base 64: it is public
_LONG: Final = 250  # characters; tokens are shorter, keys longer
# Hosts that are this machine's, or nobody's (RFC 2606, RFC 6761): a password for them opens nothing elsewhere.
_NOWHERE: Final = re.compile(
    r"localhost|127\.\d+\.\d+\.\d+|\[?::1\]?|0\.0\.0\.0|host|(?:.+\.)?(?:example|test|invalid|localhost)(?:\.(?:com|net|org))?",
    re.I,
)
_TOLD: Final = 4  # characters of a password; `a:b@c` shows how an address is made
# Words that examples have for a password, one or several in a row, and a number behind them.
_COMMON: Final = re.compile(
    r"(?:(?:my|the|your|some|very|super|strong|long|db|database|user(?:name)?|admin|root|guest|test|demo|foo|bar|baz"
    r"|pass(?:word|wd|phrase)?|pwd?|secret|token|api|key|credentials?|hunter|tiger|qwerty|letmein|s3cr[3e]t|p4ss"
    r"|postgres(?:ql)?|mysql|mariadb|redis|rabbitmq|mongo)s?[._-]?){1,5}[\d!?.]{0,4}",
    re.I,
)


def public(rule: str) -> bool:
    """Return whether what the rule finds may be read by anyone."""
    return rule in _PUBLIC


def rank(rule: str) -> int:
    """Return how much a rule's word counts where several found the same: 0 before 1 before 2."""
    return 2 if rule in _RANDOM else 1 if rule in _SUSPECTED or rule in _CHOSEN else 0


def known(rule: str, secret: str) -> bool | None:
    """Return whether it is of a known form, or merely suspected; None: it stands for a credential in an example."""
    if (_STAND_IN_LONG if len(secret) > _LONG else _STAND_IN).search(secret):
        return None
    if rule == "kubernetes-secret-yaml" and _CERTIFICATE in secret:
        return None
    if rule not in _CHOSEN:
        return rule not in _SUSPECTED
    chosen = unquote(secret)
    if rule == "password-in-address":
        chosen, _, host = chosen.rpartition("@")
        if _NOWHERE.fullmatch(host):
            return None
    if len(chosen) < _TOLD or _COMMON.fullmatch(chosen):
        return None
    kinds = [any(map(test, chosen)) for test in (str.isdigit, str.islower, str.isupper)]
    return len(chosen) >= 8 and sum(kinds) > 1


def name(rule: str, sentence: str) -> str:
    """Return what a person calls the rule's credentials, from what the catalogue says of it."""
    named = _SENTENCE.match(sentence)
    return _NAMES.get(rule) or (sentence if named is None else named["name"])
