[ -z "$SSH_CONNECTION" ] || magma-appliance banner
