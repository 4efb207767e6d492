#!/bin/sh
# cloud-init, growpart and the guest agent, where they did not come with the installation and a repository has them.
# Without cloud-init the image keeps kragle's own first-boot service.
set -u

for package in cloud-init cloud-utils-growpart qemu-guest-agent; do
  rpm --quiet -q "$package" && continue
  yum --assumeyes --quiet install "$package" || echo "$package: not to be had here"
done

if [ -e /usr/bin/cloud-init ]; then
  systemctl disable kragle-firstboot.service
  rm -f /etc/systemd/system/kragle-firstboot.service /usr/local/sbin/kragle-firstboot
fi
