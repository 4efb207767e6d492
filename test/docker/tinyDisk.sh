#!/bin/sh
# Makes /scratch/image.qcow2, a disk as small as the inspector accepts, plants the fault that is named, and inspects it.
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

truncate -s 24M disk
sfdisk --quiet disk <<TABLE
label: gpt
start=2048, size=2048, type=21686148-6449-6E6F-744E-656564454649, name=bios
start=4096, size=8192, type=U, name=esp
start=12288, type=4F68BCE3-E8CD-4DB1-96E7-FBCAF984B709, name=root
TABLE
root_at=$((12288 * 512))
mke2fs -q -t ext4 -L root -d root -E offset=$root_at disk 17M
truncate -s 4M esp
mkfs.vfat -i 1234ABCD esp >/dev/null
mmd -i esp ::/EFI ::/EFI/BOOT
printf 'boot loader' | mcopy -i esp - ::/EFI/BOOT/BOOTX64.EFI
dd if=esp of=disk bs=512 seek=4096 conv=notrunc,sparse status=none
rm -r root esp

ext() { debugfs -w -R "$1" "disk?offset=$root_at" >/dev/null 2>&1; }
case $fault in
  none | truncated | backing) ;;
  gpt-backup) dd if=/dev/zero of=disk bs=512 seek=49151 count=1 conv=notrunc status=none ;;
  gpt-primary) printf x | dd of=disk bs=1 seek=1030 conv=notrunc status=none ;;
  no-table) dd if=/dev/zero of=disk bs=512 count=34 conv=notrunc status=none
    dd if=/dev/zero of=disk bs=512 seek=49119 count=33 conv=notrunc status=none ;;
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
