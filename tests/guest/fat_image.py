"""Disk images with a FAT file system, made by Debian's dosfstools and mtools."""
import os
import subprocess


def make(image, files, megabytes=64):
    """A whole-disk FAT file system at `image` with {name: host path}; directories in names are made."""
    image.parent.mkdir(parents=True, exist_ok=True)
    image.unlink(missing_ok=True)
    with open(image, "wb") as out:
        out.truncate(megabytes << 20)
    environment = {**os.environ, "MTOOLS_SKIP_CHECK": "1"}
    subprocess.run(["/usr/sbin/mkfs.vfat", "-F", "32", image], check=True, stdout=subprocess.DEVNULL)
    made = set()
    for name, path in files.items():
        parts = name.split("/")[:-1]
        for depth in range(1, len(parts) + 1):
            folder = "/".join(parts[:depth])
            if folder not in made:
                subprocess.run(["mmd", "-i", image, f"::{folder}"], check=True, env=environment)
                made.add(folder)
        subprocess.run(["mcopy", "-i", image, path, f"::{name}"], check=True, env=environment)
    return image
