# SPDX-License-Identifier: Apache-2.0
"""Whether what docs/restconf.md shows is what a controller says: page.py PAGE URL FOLDER-OF-KEYS [--update].

Lines that begin with "$ " in a block are commands, what follows are their answers. Times are any times."""

import re
import subprocess
import sys

page, url, run = sys.argv[1:4]
SHOWN = "https://controller:8443"
TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(Z|\+00:00)")


def run_command(command):
    shell = f"""rc() {{ curl -sS --cacert {run}/pki/ca.pem --cert {run}/alice/alice.pem --key {run}/alice/alice.key "$@"; }}
    {command.replace(SHOWN, url)}"""
    done = subprocess.run(["bash", "-c", shell], capture_output=True, text=True, timeout=60)
    text = (done.stdout + done.stderr).replace("\r", "").replace(url, SHOWN)
    return text.splitlines()


def blocks(lines):
    """(command, the numbers of the lines of its answer)"""
    inside, command, begin = False, None, 0
    for i, line in enumerate(lines + ["```"]):
        if command and (line.startswith("$ ") or line.startswith("```")):
            yield command, begin, i
            command = None
        if line.startswith("```"):
            inside = not inside
        elif inside and line.startswith("$ "):
            command, begin = line[2:], i + 1


def masked(lines):
    return [TIME.sub("TIME", line) for line in lines]


def main():
    lines = open(page).read().splitlines()
    answers = [(begin, end, run_command(command), command) for command, begin, end in blocks(lines)]
    assert answers, "the page shows nothing"
    wrong = [a for a in answers if masked(a[2]) != masked(lines[a[0]:a[1]])]
    if "--update" in sys.argv:
        for begin, end, said, _ in reversed(wrong):
            lines[begin:end] = said
        open(page, "w").write("\n".join(lines) + "\n")
        return
    for begin, end, said, command in wrong:
        print(f"$ {command}\nis shown with\n{lines[begin:end]}\nbut the controller says\n{said}")
    print(f"{len(answers)} commands")
    sys.exit(1 if wrong else 0)


main()
