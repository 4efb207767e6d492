#!/bin/sh
# Ends the registration that 10-subscribe.sh made and takes away every trace of it. Also runs after a failure.
set -u

if [ -e /run/kragle-subscribed ] || [ -e /etc/pki/consumer/cert.pem ]; then
  attempt=1
  until subscription-manager unregister; do
    if [ "$attempt" -ge 3 ]; then
      echo "Red Hat still lists this guest as a system, kragle-build-…; remove it there"
      failed=1
      break
    fi
    attempt=$((attempt + 1))
    sleep 5
  done
  subscription-manager clean
  rm -f /run/kragle-subscribed
fi
rm -rf /etc/pki/consumer/* /etc/pki/entitlement/* /var/lib/rhsm/* /var/log/rhsm/* /etc/yum.repos.d/redhat.repo
if command -v yum >/dev/null; then yum clean all || true; fi
exit "${failed:-0}"
