"""Linux's own tests of what it and programs need of an x86 processor: tools/testing/selftests of Debian's kernel source.

Built in the guest, 64 and 32 bits. Takes some minutes (suite 'long').
"""
import unittest

from test_userland import Userland

FOLDERS = ("x86", "breakpoints", "sigaltstack", "ptrace")

# amx_64: no such processor. step_after_suspend_test: the machine has no sleep state but S5.
# vmaccess: waits for an answer of PTRACE_ATTACH during exec that Linux 6.1 does not give, on other machines either.
NOT_HERE = {"x86/amx_64", "breakpoints/step_after_suspend_test", "ptrace/vmaccess"}

PASSED, SKIPPED = 0, 4


class Selftests(Userland, unittest.TestCase):
    set_name = "selftests"
    memory = 2048

    def test_1_build(self):
        for folder in FOLDERS:
            with self.subTest(folder):
                self.run_quietly(f"mkdir -p /tmp/built/{folder} && make -C /root/linux/tools/testing/selftests/{folder} "
                                 f"CC=gcc OUTPUT=/tmp/built/{folder} KHDR_INCLUDES='-isystem /usr/include'")

    def test_2_run(self):
        names = self.shell.check("cd /tmp/built && find . -type f -perm -100 | cut -c 3-").split()
        for word in ("_32", "_64"):
            self.assertGreater(sum(name.startswith("x86/") and name.endswith(word) for name in names), 15)
        for name in sorted(set(names) - NOT_HERE):
            with self.subTest(name):
                status, _ = self.shell.run(f"cd /tmp/built && ./{name} >/tmp/log 2>&1", 600)
                if status not in (PASSED, SKIPPED):
                    self.fail(f"{name}: status {status}\n" + self.shell.run("tail -n 40 /tmp/log")[1])

    # They provoke faults, which the kernel reports.
    def test_zz_no_complaints_in_the_log(self):
        lines = [line for line in self.shell.check("dmesg").splitlines() if "BUG:" in line or "Oops" in line or "WARNING:" in line]
        self.assertEqual(lines, [])


if __name__ == "__main__":
    unittest.main()
