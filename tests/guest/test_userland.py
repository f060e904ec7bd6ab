"""Debian's programs in a guest, checking themselves: their own test suites, round trips, verified computations.

Takes long (suite 'long'). One boot for each set of programs of tools/lib/userland.sh.
"""
import hashlib
import re
import unittest

import harness
import linux_guest

HOUR = 3600


class Userland:
    """Boots one set; each case runs programs in its shell."""
    memory = 1024

    @classmethod
    def setUpClass(cls):
        cls.emulator = linux_guest.boot(f"userland_{cls.set_name}", initrd=cls.set_name, script="userland.sh",
                                        memory=cls.memory)
        cls.shell = harness.Shell(cls.emulator, boot_timeout=1200)

    @classmethod
    def tearDownClass(cls):
        cls.emulator.__exit__()

    def run_quietly(self, command, timeout=HOUR):
        """Runs a command with its output to a file, and shows the end of that if it fails."""
        status, _ = self.shell.run(f"({command}) >/tmp/log 2>&1", timeout)
        if status != 0:
            self.fail(f"{command}: status {status}\n" + self.shell.run("tail -n 40 /tmp/log")[1])

    def test_zz_no_complaints_in_the_log(self):
        self.assertEqual(linux_guest.complaints(self.shell.check("dmesg")), [])


class Python(Userland, unittest.TestCase):
    set_name = "python"

    # Modules of Python's own test suite that lean on integers, floating point, memory, signals, processes.
    # Debian's package lacks test_sqlite3; there is a case of its own for that library.
    MODULES = ("json re hashlib decimal struct math cmath float int long complex fractions statistics random array "
               "bytes unicode zlib bz2 lzma gzip pickle marshal set dict list sort heapq generators coroutines "
               "exceptions mmap signal threading subprocess time datetime binascii base64 zipfile").split()

    # Its child has three seconds to start and print: no question of right results.
    TIMED = "test_check_output_timeout"

    def test_own_test_suite(self):
        self.run_quietly("ip link set lo up")
        for module in self.MODULES:
            with self.subTest(module):
                self.run_quietly(f"cd /tmp && python3 -m test -u none,decimal -i {self.TIMED} test_{module}")

    def test_sqlite(self):
        program = ("import sqlite3\nd=sqlite3.connect('/tmp/x.db')\nd.execute('create table t(a integer primary key,b,c real)')\n"
                   "d.executemany('insert into t values(?,?,?)',((i,'k'+str(i*7919%1009),i/4) for i in range(20000)))\n"
                   "d.execute('create index n on t(b)');d.commit()\n"
                   "d.execute('delete from t where a%7=3');d.commit();d.execute('vacuum')\n"
                   "print(*d.execute('select count(*),sum(a),sum(c),count(distinct b) from t').fetchone(),"
                   "d.execute('select sum(x.a*y.a) from t x join t y on x.b=y.b where x.a<2000 and y.a<2000').fetchone()[0],"
                   "d.execute('pragma integrity_check').fetchone()[0])\n").replace("\n", "\\n").replace("'", "'\\''")
        kept = [i for i in range(20000) if i % 7 != 3]
        groups = {}
        for i in kept:
            if i < 2000:
                groups.setdefault(i * 7919 % 1009, []).append(i)
        text = self.shell.check(f"printf '{program.replace('%', '%%')}' >/tmp/db.py; python3 /tmp/db.py", HOUR)
        self.assertEqual(text.split(), [str(len(kept)), str(sum(kept)), str(sum(i / 4 for i in kept)),
                                        str(len({i * 7919 % 1009 for i in kept})),
                                        str(sum(sum(g) ** 2 for g in groups.values())), "ok"])

    def test_digits_of_pi(self):
        # Gibbons' spigot; the ends of the first 1000 published digits.
        program = ("q,r,t,k,n,l,o=1,0,1,1,3,3,[]\n"
                   "while len(o)<1000:\n"
                   " if 4*q+r-t<n*t: o.append(str(n)); q,r,n=10*q,10*(r-n*t),10*(3*q+r)//t-10*n\n"
                   " else: q,r,t,k,n,l=q*k,(2*q+r)*l,t*l,k+1,(q*(7*k+2)+r*l)//(t*l),l+2\n"
                   "print(''.join(o))\n").replace("\n", "\\n").replace("'", "'\\''")
        text = self.shell.check(f"printf '{program}' >/tmp/pi.py; python3 /tmp/pi.py", HOUR)
        self.assertEqual(len(text.strip()), 1000)
        self.assertTrue(text.startswith("31415926535897932384626433832795028841971693993751"))
        self.assertTrue(text.strip().endswith("216420198"), text[-20:])


class Tools(Userland, unittest.TestCase):
    set_name = "tools"

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        # Text and machine code, the same on every run.
        cls.shell.check("cat /usr/bin/openssl /usr/bin/perl /usr/share/perl/5.*/unicore/Name.pl | head -c 4000000 "
                        ">/tmp/corpus; test $(wc -c </tmp/corpus) = 4000000", 600)

    def test_compressors_round_trip(self):
        for tool in ("gzip", "gzip -9", "bzip2", "xz -2", "xz -6", "zstd -q -3", "zstd -q -12 --single-thread"):
            with self.subTest(tool):
                # With the path, because the shell prefers busybox's own applets.
                self.run_quietly(f"/usr/bin/{tool} -c /tmp/corpus >/tmp/c && "
                                 f"/usr/bin/{tool.split()[0]} -dc </tmp/c | cmp - /tmp/corpus")

    def test_compressors_notice_damage(self):
        for tool in ("gzip", "bzip2", "xz", "zstd"):
            with self.subTest(tool):
                self.shell.check(f"head -c 200000 /tmp/corpus | /usr/bin/{tool} -c >/tmp/c && "
                                 "printf 'a spot of ink' | dd of=/tmp/c bs=1 seek=20000 conv=notrunc 2>/dev/null", HOUR)
                status, _ = self.shell.run(f"/usr/bin/{tool} -dc </tmp/c >/dev/null 2>&1", HOUR)
                self.assertNotEqual(status, 0)

    def test_seven_zip_checks_itself(self):
        self.run_quietly("7zz b 1 -mmt1 -md18")
        self.run_quietly("cd /tmp && 7zz a a.7z corpus && 7zz t a.7z && rm a.7z")

    def test_openssl_digests(self):
        data = b"".join(b"%d\n" % i for i in range(20000))
        self.shell.check("seq 0 19999 >/tmp/data")
        for name in ("md5", "sha1", "sha256", "sha512", "sha3-256", "blake2b512"):
            with self.subTest(name):
                want = hashlib.new({"sha3-256": "sha3_256", "blake2b512": "blake2b"}.get(name, name), data).hexdigest()
                self.assertEqual(self.shell.check(f"openssl dgst -{name} -r /tmp/data").split()[0], want)

    def test_openssl_ciphers(self):
        for cipher in ("aes-128-cbc", "aes-256-ctr", "chacha20", "camellia-256-cbc", "aria-128-ctr"):
            with self.subTest(cipher):
                options = f"-{cipher} -pbkdf2 -pass pass:x"
                self.run_quietly(f"openssl enc {options} -in /tmp/corpus | openssl enc -d {options} | cmp - /tmp/corpus")

    def test_openssl_keys(self):
        for algorithm in ("RSA -pkeyopt rsa_keygen_bits:2048", "EC -pkeyopt ec_paramgen_curve:P-256", "ED25519"):
            with self.subTest(algorithm):
                raw = "-rawin" if algorithm == "ED25519" else "-rawin -digest sha256"
                self.run_quietly(f"cd /tmp && openssl genpkey -algorithm {algorithm} -out key && "
                                 f"openssl pkey -in key -pubout -out pub && openssl pkey -in key -check -noout && "
                                 f"openssl pkeyutl -sign -inkey key {raw} -in data -out sig && "
                                 f"openssl pkeyutl -verify -pubin -inkey pub {raw} -in data -sigfile sig && "
                                 f"! openssl pkeyutl -verify -pubin -inkey pub {raw} -in sig -sigfile sig")

    def test_openssl_speed_runs(self):
        self.run_quietly("openssl speed -seconds 1 -bytes 1024 sha256 aes-256-cbc && "
                         "openssl speed -seconds 1 -bytes 1024 -evp chacha20-poly1305")

    def test_perl(self):
        text = self.shell.check("perl -MList::Util=sum -MMath::BigInt -e '"
                                "my %h; $h{$_ % 97} .= chr(65 + $_ % 26) for 1..50000; "
                                "print join(\",\", sum(map { length } values %h), "
                                "Math::BigInt->new(2)->bpow(521)->bsub(1)->bmod(1000007), "
                                "sprintf(\"%.10f\", atan2(1,1)*4), scalar(() = (\"abcab\" x 5000) =~ /a(?=b)/g))'", HOUR)
        self.assertEqual(text.strip(), f"50000,{(2**521 - 1) % 1000007},3.1415926536,10000")

    def test_stress_ng_verifies(self):
        for options in ("--cpu 1 --cpu-method all --cpu-ops 100", "--matrix 1 --matrix-ops 50", "--vecmath 1 --vecmath-ops 20",
                        "--fp 1 --fp-ops 10", "--memcpy 1 --memcpy-ops 20", "--str 1 --str-ops 500", "--context 1 --context-ops 500",
                        "--fork 1 --fork-ops 200", "--mmap 1 --mmap-ops 20 --mmap-bytes 16m", "--sigsegv 1 --sigsegv-ops 500",
                        "--pipe 1 --pipe-ops 20000", "--futex 1 --futex-ops 2000"):
            with self.subTest(options):
                self.run_quietly(f"stress-ng {options} --timeout 0 --verify --temp-path /tmp -q")


class Gcc(Userland, unittest.TestCase):
    set_name = "gcc"

    def test_compiles_and_runs(self):
        source = ("#include <stdio.h>\\n#include <math.h>\\nint main(void) { double s = 0; unsigned long h = 5381;"
                  " for (int i = 1; i < 100000; i++) { s += sqrt(i); h = h * 33 + i; }"
                  " printf(\"%%.6f %%lx\\\\n\", s, h); return 0; }\\n")
        self.shell.check(f"printf '{source}' >/tmp/a.c")
        total, h = 0.0, 5381
        for i in range(1, 100000):
            total += i ** .5
            h = (h * 33 + i) % 2**64
        for options in ("-O0", "-O2", "-O3 -ftree-vectorize", "-O2 -static", "-O2 -mfpmath=387", "-Os -flto"):
            with self.subTest(options):
                self.run_quietly(f"cd /tmp && gcc {options} a.c -o a -lm", HOUR)
                sum_text, hash_text = self.shell.check("/tmp/a", 600).split()
                # x87 keeps more bits of the sum.
                self.assertAlmostEqual(float(sum_text), total, delta=1e-4)
                self.assertEqual(int(hash_text, 16), h)

    def test_cxx_with_exceptions(self):
        source = ("#include <iostream>\\n#include <map>\\n#include <stdexcept>\\nint f(int n) { if (n == 0) throw "
                  "std::runtime_error(\"deep\"); return f(n - 1) + 1; }\\nint main() { std::map<int, std::string> m; for (int i = 0; "
                  "i < 1000; i++) m[i * 7919 %% 1009] = std::to_string(i); try { f(100); } catch (const std::exception& e) { "
                  "std::cout << e.what() << m.size() << m[5]; } }\\n")
        index = next(i for i in reversed(range(1000)) if i * 7919 % 1009 == 5)
        self.shell.check(f"printf '{source}' >/tmp/b.cpp")
        self.run_quietly("g++ -O2 /tmp/b.cpp -o /tmp/b", HOUR)
        self.assertEqual(self.shell.check("/tmp/b", 600), f"deep1000{index}")

    def test_compiler_output_is_repeatable(self):
        digests = set(re.findall(r"\b[0-9a-f]{32}\b", self.shell.check(
            "cd /tmp; for i in 1 2 3; do echo 'int f(int a){return a*a%7;}' | gcc -O3 -S -x c - -o - | md5sum; done", HOUR)))
        self.assertEqual(len(digests), 1)


if __name__ == "__main__":
    unittest.main()
