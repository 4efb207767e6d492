#!/bin/sh
# boot.sh FORMAT: runs in the tools image; boots /image, a disk of that format, by UEFI on an overlay with a larger disk
# and a NoCloud seed, and logs in by SSH.
set -eu
cd /result
mkdir seed
ssh-keygen -q -t ed25519 -N '' -f key
cat > seed/meta-data <<END
instance-id: seeded-1
local-hostname: seeded
END
cat > seed/user-data <<END
#cloud-config
users:
  - name: ada
    shell: /bin/bash
    ssh_authorized_keys: ["$(cat key.pub)"]
END
xorriso -as genisoimage -quiet -V cidata -J -r -o seed.iso seed
qemu-img create -q -f qcow2 -b /image -F "$1" disk.qcow2 8G
cp /usr/share/OVMF/OVMF_VARS_4M.fd vars.fd
chmod u+w vars.fd
qemu-system-x86_64 -machine q35 -accel tcg -cpu max -smp 2 -m 1024 -display none -no-reboot \
  -drive if=pflash,format=raw,readonly=on,file=/usr/share/OVMF/OVMF_CODE_4M.fd \
  -drive if=pflash,format=raw,file=vars.fd \
  -drive if=virtio,format=qcow2,file=disk.qcow2 -drive if=virtio,format=raw,readonly=on,file=seed.iso \
  -nic user,model=virtio-net-pci,hostfwd=tcp:127.0.0.1:2222-:22 -device virtio-rng-pci \
  -serial file:serial.log &
qemu=$!
trap 'kill $qemu 2>/dev/null || true' EXIT

guest() {
  ssh -i key -p 2222 -o BatchMode=yes -o ConnectTimeout=20 -o StrictHostKeyChecking=no -o UserKnownHostsFile=/dev/null \
    -o LogLevel=ERROR ada@127.0.0.1 "$@"
}
tries=0
until guest true 2>/dev/null; do
  tries=$((tries + 1))
  kill -0 $qemu || { echo 'QEMU has ended'; tail -n 20 serial.log; exit 1; }
  [ $tries -lt 60 ] || { echo 'nobody answers on SSH'; tail -n 40 serial.log; exit 1; }
  sleep 3
done
# ends with cloud-init's exit code: errors that it recovered from count too
# shellcheck disable=SC2016 # the guest expands it
guest 'id; if [ -d /sys/firmware/efi ]; then echo BOOTED=uefi; else echo BOOTED=bios; fi
  grep -E "^(IMAGE|BUILD)_" /etc/os-release
  echo ROOT_GIB=$(df --output=size -BG / | tail -n 1 | tr -dc 0-9); cloud-init status --wait --long'
