import type { Appliance } from './settings.ts';

/** keepalived's configuration: the recipe of docs/floating-address.md with this appliance's names. */
export function keepalived(settings: Appliance, floating: NonNullable<Appliance['floating']>): string {
  const others = floating.others.join(' ');
  const bare = floating.address.split('/')[0]!;
  // Whether this host serves everything by itself is for `magma ready` to say, which a slow machine needs seconds for, and an emulated one a minute; a check that keepalived ends has failed. The checks have limits of their own, of seconds.
  // It must take longer than the network needs to replace a volcano (docs/floating-address.md): `failover` is 10 s unless told otherwise.
  const { failover } = settings.magmad;
  const misses = Math.max(4, Math.ceil((typeof failover === 'number' ? failover : 10) * 0.4));
  const script = (name: string, command: string, interval: number, timeout: number, fall: number): string =>
    `vrrp_script ${name} {
    script "${command}"
    interval ${interval}
    timeout ${timeout}
    fall ${fall}
    rise 1
}

`;
  return `global_defs {
    enable_script_security
    script_user root
    vrrp_version 3
}

${script('magma_answers', '/usr/bin/magma-answers', 1, 10, 2)}${script('magma_reaches', `/usr/bin/magma-reaches ${others}`, 3, 120, misses)}${script('magma_may', `/usr/bin/magma-reaches --unless ${bare} ${others}`, 1, 120, 1)}vrrp_instance magma {
    interface ${settings.interface}
    virtual_router_id ${floating['router-id']}
    priority ${floating.priority}
    state BACKUP
    nopreempt
    advert_int 1
    virtual_ipaddress {
        ${floating.address}
    }
    track_script {
        magma_answers
        magma_reaches
        magma_may
    }
}
`;
}
