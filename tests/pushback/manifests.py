"""Manifests as people write them, in JSON and YAML: quirks of layout, comments, nested maps, lists of named things."""

from __future__ import annotations

from gitferry.tests import samples

_LONG = """\
{
  "name": "unit-price",
  "uuid": "0b4ce0a2-52c1-4d5a-9d5c-2d1c54f0b001",
  "version": "1.0.0",
  "label": "Unit Price",\x20
  "description": "Divides a price by an amount and says which offer is the better one. Shows how inputs are checked.",
  "tags": ["shopping", "basic", "arithmetic", "validation"],
  "category": "examples",
  "author": "Sample Authors",
  "license": "MIT",
  "runtime_version": ">=0.6.0",
  "created_at": "2024-01-15T10:30:00Z",
  "updated_at": "2024-03-01T14:20:00Z"
}"""

_SORTED = """\
{
  "author": "Sample Authors",
  "created_at": "2025-06-21T14:53:17.108018640+00:00",
  "description": "Looks up bus departures and returns them as a flat list",
  "label": "Bus departures",
  "limits": {
    "cpu": 0.5,
    "memory": "128MB",
    "network": {
      "allow": [
        "transport.example.org"
      ],
      "retries": 3
    }
  },
  "name": "bus-departures",
  "tags": [
    "transport",
    "bus",
    "departures",
    "timetable"
  ],
  "timeout": 30000,
  "updated_at": "2025-06-21T14:53:17.108020272+00:00",
  "uuid": "0b4ce0a2-52c1-4d5a-9d5c-2d1c54f0b002",
  "version": "1.0.0"
}
"""

_TABS = """\
{
\t"name": "image-resize",
\t"version": "3.4.1",
\t"description": "Makes images fit a box",
\t"inputs": [
\t\t{
\t\t\t"name": "width",
\t\t\t"type": "integer",
\t\t\t"default": 800
\t\t},
\t\t{
\t\t\t"name": "height",
\t\t\t"type": "integer",
\t\t\t"default": 600
\t\t}
\t],
\t"tags": ["image", "resize"],
\t"streaming": true,
\t"timeout": 12000
}
"""

_REPORT = """\
# The weekly report: who gets it, and when.
name: weekly-report
version: 1.4.0  # bumped by hand
label: "Weekly report"
description: 'Collects the numbers of a week: it''s sent on Mondays'
tags: [report, mail, weekly]

# Where it runs
schedule:
  cron: "0 6 * * 1"
  timezone: Europe/Berlin
  retries: 3  # the mail server is slow
env:
  # taken from the vault
  MAIL_HOST: mail.example.org
  MAIL_PORT: 587
  SUBJECT: "Week {{ week }}"
steps:
  - name: collect
    run: python collect.py
    timeout: 30s
  # the template is in templates/
  - name: render
    run: |
      python render.py --week "$WEEK"
      python check.py
    timeout: 10s
  - name: send
    run: python send.py
    timeout: 1m
owners:
  - anna
  - bert
"""

_SERVICE = """\
---
name: "price-feed"
version: "2.0.3"
description: >-
  Reads prices every minute
  and keeps the last hundred.
tags:
- prices
- feed
- minute

inputs:
- name: symbol
  type: string
  required: true
- name: count
  type: integer
  default: 100
limits: {memory: 256Mi, cpu: 0.25}
timeout: 20s
created_at: 2024-02-05
updated_at: 2024-03-01
license: MIT
"""

_WIDE = """\
name:    backup
version: 0.9.0
label:   Nightly backup
enabled: yes
targets:
    -   id: 1
        path: /srv/data
        keep: 7
    -   id: 2
        path: /srv/mail
        keep: 30
notify:
    on_failure: ops@example.org
    on_success:
    # nobody reads these
timeout: 2h
"""


def manifests() -> dict[str, bytes]:
    """Path to content of every manifest: the sample registry's own, and richer ones in other hands."""
    registry = {f"{task.directory}/{task.manifest}" for task in samples.TASKS}
    found = {path: content.encode() for path, content in samples.files().items() if path in registry}
    written = {
        "unit-price/metadata.json": _LONG,
        "bus-departures/metadata.json": _SORTED,
        "image-resize/metadata.json": _TABS,
        "weekly-report/task.yaml": _REPORT,
        "price-feed/task.yaml": _SERVICE,
        "backup/meta.yaml": _WIDE,
    }
    found |= {path: text.encode() for path, text in written.items()}
    found["weekly-report-dos/task.yml"] = _REPORT.replace("\n", "\r\n").encode()
    return found
