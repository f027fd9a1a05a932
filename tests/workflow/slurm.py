"""A real SLURM of one node on this machine, for tests: Debian's slurmctld, slurmd and munge, on loopback.

The node says that it has 8 cores and two GPUs. It has no accounting, as small clusters have none.
"""

import contextlib
import os
import pathlib
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator

DAEMONS = ("munged", "slurmctld", "slurmd")
PROGRAMS = ("sbatch", "srun", "squeue", "scancel", "sinfo", "sacct", "scontrol")
PATH = f"/usr/sbin:/usr/bin:/sbin:/bin:{os.environ.get('PATH', '')}"
PATIENCE = 60  # seconds for the daemons to start

CONF = """\
ClusterName=test
SlurmctldHost={host}(127.0.0.1)
SlurmctldPort={controller}
SlurmUser={user}
SlurmdUser={user}
AuthType=auth/munge
AuthInfo=socket={root}/munge
CredType=cred/munge
StateSaveLocation={root}/state
SlurmdSpoolDir={root}/spool
SlurmctldPidFile={root}/slurmctld.pid
SlurmdPidFile={root}/slurmd.pid
SlurmctldLogFile={root}/slurmctld.log
SlurmdLogFile={root}/slurmd.log
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
SwitchType=switch/none
MpiDefault=none
SelectType=select/cons_tres
SelectTypeParameters=CR_Core_Memory
SlurmdParameters=config_overrides
PreemptType=preempt/partition_prio
PreemptMode=REQUEUE
GresTypes=gpu
AccountingStorageType=accounting_storage/none
JobAcctGatherType=jobacct_gather/none
ReturnToService=2
KillWait=20
MinJobAge=600
SchedulerParameters=sched_interval=2,batch_sched_delay=1,defer
NodeName={host} NodeAddr=127.0.0.1 Port={node} CPUs=8 RealMemory=64000 Gres=gpu:2 State=UNKNOWN
PartitionName=cpu Nodes={host} Default=YES MaxTime=1440 PriorityTier=1
PartitionName=gpu Nodes={host} MaxTime=1440 PriorityTier=1
PartitionName=urgent Nodes={host} MaxTime=60 PriorityTier=2
"""


def is_installed() -> bool:
    return all(shutil.which(name, path=PATH) for name in DAEMONS) and os.getuid() == 0


def _free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return found.getsockname()[1]


class Slurm:
    """The running daemons; `environment` is what SLURM's programs need to reach them."""

    def __init__(self, root: pathlib.Path):
        self.root = root
        self.environment = {**os.environ, "PATH": f"{root / 'bin'}:{PATH}", "SLURM_CONF": str(root / "slurm.conf")}
        self._daemons: dict[str, subprocess.Popen] = {}

    def say(self, *command: str) -> str:
        return subprocess.run(command, env=self.environment, capture_output=True, encoding="utf-8", check=True).stdout

    def start(self, name: str, *options: str) -> None:
        log = (self.root / f"{name}.out").open("ab")
        self._daemons[name] = subprocess.Popen(
            [name, *options], env=self.environment, stdout=log, stderr=log, start_new_session=True
        )

    def start_slurmd(self) -> None:
        self.start("slurmd", "-D", "-N", socket.gethostname())

    def kill(self, name: str) -> None:
        """As `kill -9`."""
        self._daemons[name].kill()
        self._daemons.pop(name).wait()

    def wait_until_idle(self) -> None:
        deadline = time.monotonic() + PATIENCE
        while time.monotonic() < deadline:
            with contextlib.suppress(subprocess.CalledProcessError):
                if "idle" in self.say("sinfo", "--noheader", "--format", "%T"):
                    return
            time.sleep(0.3)
        raise AssertionError((self.root / "slurmctld.log").read_text(encoding="utf-8", errors="replace")[-3000:])

    def stop(self) -> None:
        for process in self._daemons.values():
            process.terminate()
        for process in self._daemons.values():
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(timeout=20)
            process.kill()


@contextlib.contextmanager
def cluster(root: pathlib.Path) -> Iterator[Slurm]:
    """Yields a SLURM whose files are in `root`, a short path (a socket's name has 107 bytes at most)."""
    for name in ("state", "spool", "bin"):
        (root / name).mkdir()
    for name in PROGRAMS:  # the plugin clears SLURM's variables before a job's own calls
        program = root / "bin" / name
        program.write_text(f'#!/bin/sh\nSLURM_CONF={root}/slurm.conf exec /usr/bin/{name} "$@"\n', encoding="utf-8")
        program.chmod(0o755)
    (root / "key").write_bytes(os.urandom(128))
    (root / "key").chmod(0o400)
    settings = {"root": root, "host": socket.gethostname(), "user": "root"}
    ports = {"controller": _free_port(), "node": _free_port()}
    (root / "slurm.conf").write_text(CONF.format(**settings, **ports), encoding="utf-8")
    for number in range(2):
        (root / f"gpu{number}").touch()
    (root / "gres.conf").write_text(f"NodeName={settings['host']} Name=gpu File={root}/gpu[0-1]\n", encoding="utf-8")
    slurm = Slurm(root)
    munge = {"socket": "munge", "key-file": "key", "pid-file": "munge.pid", "log-file": "munge.log"}
    options = [f"--{name}={root / file}" for name, file in {**munge, "seed-file": "seed"}.items()]
    try:
        slurm.start("munged", "--foreground", "--force", *options)
        time.sleep(0.5)
        slurm.start("slurmctld", "-D")
        slurm.start_slurmd()
        slurm.wait_until_idle()
        yield slurm
    finally:
        slurm.stop()
