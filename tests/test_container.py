"""The container's recipe: what it starts from, and the target that pins it."""

import os
import pathlib
import re
import shutil
import subprocess

ROOT = pathlib.Path(__file__).parents[1]


def base(folder: pathlib.Path) -> str:
    return re.search(r"^FROM (.*)$", (folder / "Containerfile").read_text(encoding="utf-8"), flags=re.M)[1]


def pin(folder: pathlib.Path, docker: str) -> int:
    for name in ("Containerfile", "Makefile"):
        if not (folder / name).exists():
            shutil.copy(ROOT / name, folder / name)
    (folder / "docker").write_text(f"#!/bin/sh\n{docker}\n", encoding="utf-8")
    (folder / "docker").chmod(0o755)
    environment = os.environ | {"PATH": f"{folder}{os.pathsep}{os.environ['PATH']}"}
    command = ["make", "--silent", "container-pin"]
    return subprocess.run(command, cwd=folder, env=environment, capture_output=True).returncode


def test_the_image_has_a_tag_and_is_pinned_by_what_its_registry_says_also_anew(tmp_path):
    assert re.fullmatch(r"[\w/]+:[\w.-]+(@sha256:[0-9a-f]{64})?", base(ROOT))
    tag = base(ROOT).partition("@")[0]
    for digest in (f"sha256:{'a1' * 32}", f"sha256:{'b2' * 32}"):
        assert pin(tmp_path, f'[ "$6" = "{tag}" ] && echo {digest}') == 0
        assert base(tmp_path) == f"{tag}@{digest}"


def test_without_a_network_the_recipe_stays_as_it_is(tmp_path):
    assert pin(tmp_path, "exit 1") != 0
    assert base(tmp_path) == base(ROOT)


def test_a_container_runs_as_a_user_without_rights():
    text = (ROOT / "Containerfile").read_text(encoding="utf-8")
    assert re.search(r"^USER (?!root|0)\w+$", text, flags=re.M)
