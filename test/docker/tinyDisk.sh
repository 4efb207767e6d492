#!/bin/sh
# Makes /scratch/image.qcow2, a disk as small as the inspector accepts, plants the fault that is named, and inspects it.
# What is in /scratch/files lies on the disk, too.
set -eu
fault=$1
cd /scratch

mkdir -p root/etc root/usr/lib root/boot
printf 'ID=tiny\n' >root/usr/lib/os-release
printf 'LABEL=root / ext4 defaults 0 1\nUUID=1234-ABCD /boot/efi vfat defaults 0 0\n' >root/etc/fstab
ln -s /usr/share/zoneinfo/Etc/UTC root/etc/localtime
ln -s "/$(printf 'long%.0s' $(seq 30))" root/etc/long-link
printf 'x' >"root/etc/with space ü"
printf 'token=%s\n' 's3cr3t/of+run' >root/etc/token
printf 'auth=%s\n' "$(printf 'user:s3cr3t/of+run' | base64)" >root/etc/encoded
printf 'url=http://u:%s@host\n' 's3cr3t%2Fof%2Brun' >root/etc/url

case $fault in
  names) python3 /test/oddNames.py root ;;
  rpm-broken) mkdir -p root/var/lib/rpm; printf 'no database' >root/var/lib/rpm/Packages ;;
  rpm-*) python3 /test/rpmDatabase.py root/var/lib/rpm "${fault#rpm-}" ;;
esac
if [ -e files ]; then cp -a --remove-destination files/. root/; fi

# the smallest XFS that mkfs makes is 300 MiB
root_mib=17
case $fault in *xfs*) root_mib=300 ;; esac
# without digests, names can be changed in place
xfs_format=crc=1
case $fault in xfs-names) xfs_format=crc=0 ;; esac
disk_sectors=$(((root_mib + 7) * 2048))
truncate -s $((disk_sectors * 512)) disk
sfdisk --quiet disk <<TABLE
label: gpt
start=2048, size=2048, type=21686148-6449-6E6F-744E-656564454649, name=bios
start=4096, size=8192, type=U, name=esp
start=12288, type=4F68BCE3-E8CD-4DB1-96E7-FBCAF984B709, name=root
TABLE
root_at=$((12288 * 512))
if [ $root_mib = 300 ]; then
  # a prototype is a list of lines "name type-mode uid gid content", see mkfs.xfs(8)
  prototype() {
    find "$1" -mindepth 1 -maxdepth 1 | while read -r path; do
      name=$(basename "$path" | tr ' ' _)
      if [ -L "$path" ]; then echo "$name l--777 0 0 $(readlink "$path")"
      elif [ -d "$path" ]; then echo "$name d--755 0 0"; prototype "$path"; echo '$'
      else cp "$path" "proto-$name"; echo "$name ---640 0 42 proto-$name"; fi
    done
  }
  # shellcheck disable=SC2094 # the function and the file only share their name
  { printf '/\n0 0\nd--755 0 0\n'; prototype root; echo '$'; } >prototype
  truncate -s ${root_mib}M xfs
  mkfs.xfs -q -m $xfs_format -L root -p prototype xfs 2>/dev/null
  dd if=xfs of=disk bs=512 seek=12288 conv=notrunc,sparse status=none
  rm xfs prototype proto-*
else
  mke2fs -q -t ext4 -L root -d root -E offset=$root_at disk ${root_mib}M
fi
truncate -s 4M esp
mkfs.vfat -i 1234ABCD esp >/dev/null
mmd -i esp ::/EFI ::/EFI/BOOT
printf 'boot loader' | mcopy -i esp - ::/EFI/BOOT/BOOTX64.EFI
dd if=esp of=disk bs=512 seek=4096 conv=notrunc,sparse status=none
rm -r root esp

ext() { debugfs -w -R "$1" "disk?offset=$root_at" >/dev/null 2>&1; }
case $fault in
  none | truncated | backing | xfs | names | rpm-*) ;;
  xfs-names) python3 - <<'CHANGE'
with open("disk", "r+b") as file:
    data = file.read()
    for old, new in ((b"file-ABCDEFGHIJ", b"f (good)\n1 2 \xff\\"), (b"/Etc/UTC", b'/Etc/"\n\\')):
        while (at := data.find(old)) >= 0:
            data = data[:at] + new.ljust(len(old), b" ") + data[at + len(old):]
    file.seek(0)
    file.write(data)
CHANGE
    ;;
  labelled) ext 'set_super_value volume_name "my root"' ;;
  # a folder inside of itself, as a damaged directory may have it
  cyclic) ext "link /etc /etc/again" ;;
  gpt-backup) dd if=/dev/zero of=disk bs=512 seek=$((disk_sectors - 1)) count=1 conv=notrunc status=none ;;
  gpt-primary) printf x | dd of=disk bs=1 seek=1030 conv=notrunc status=none ;;
  no-table) dd if=/dev/zero of=disk bs=512 count=34 conv=notrunc status=none
    dd if=/dev/zero of=disk bs=512 seek=$((disk_sectors - 33)) count=33 conv=notrunc status=none ;;
  # its count of files
  dirty-xfs) printf '\000\000\000\377' | dd of=disk bs=1 seek=$((root_at + 132)) conv=notrunc status=none ;;
  dirty-ext4) ext "clri /etc/token" ;;
  deleted-secret) ext "rm /etc/token"; ext "rm /etc/encoded"; ext "rm /etc/url" ;;
  unknown) printf 'LUKS\272\276\000\001' | dd of=disk bs=1 seek=$root_at conv=notrunc status=none
    dd if=/dev/zero of=disk bs=1 seek=$((root_at + 1080)) count=2 conv=notrunc status=none ;;
  *) echo "unknown fault $fault" >&2; exit 2 ;;
esac

qemu-img convert -f raw -O qcow2 disk image.qcow2
rm disk
case $fault in
  truncated) truncate -s 400K image.qcow2 ;;
  backing) qemu-img create -q -f qcow2 -F qcow2 -b image.qcow2 top.qcow2; mv image.qcow2 image-below.qcow2
    qemu-img rebase -q -u -F qcow2 -b image-below.qcow2 top.qcow2; mv top.qcow2 image.qcow2 ;;
esac
exec python3 /usr/local/lib/kragle/inspect_image.py
