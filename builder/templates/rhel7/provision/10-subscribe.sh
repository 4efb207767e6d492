#!/bin/sh
# Registers the guest with Red Hat where credentials were given, so that packages can be had from its repositories;
# 80-unsubscribe.sh ends that, also after a failure. Only this script gets the credentials. An organisation with an
# activation key comes first: such a key can do nothing but register. Flags: subscription-manager 1.13 (RHEL 7.1) and later.
set -eu

: "${RHSM_USERNAME=}" "${RHSM_PASSWORD=}" "${RHSM_ORG=}" "${RHSM_ACTIVATION_KEY=}"

if [ -z "$RHSM_USERNAME$RHSM_ACTIVATION_KEY" ]; then
  echo "no Red Hat credentials: packages can only come from the installation medium or from your own repositories"
  exit 0
fi
if ! command -v subscription-manager >/dev/null; then
  echo "Red Hat credentials were given, but this system has no subscription-manager to use them"
  exit 1
fi

# From here on there may be a registration to end, even if the next command fails half-way.
touch /run/kragle-subscribed
name="kragle-build-$(date -u +%Y%m%d-%H%M%S)"
if [ -n "$RHSM_ACTIVATION_KEY" ]; then
  subscription-manager register --name="$name" --org="$RHSM_ORG" --activationkey="$RHSM_ACTIVATION_KEY"
else
  subscription-manager register --name="$name" --username="$RHSM_USERNAME" --password="$RHSM_PASSWORD" \
    ${RHSM_ORG:+"--org=$RHSM_ORG"}
  # Not needed, and refused, where the account has Simple Content Access.
  subscription-manager attach --auto || echo "no subscription was attached; going on without"
fi
# Where cloud-init and its kin were in 2015; later they moved to the main repository.
subscription-manager repos --enable=rhel-7-server-rh-common-rpms || true
