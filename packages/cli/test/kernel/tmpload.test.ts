import { test } from 'bun:test';
import { KERNEL, KERNEL_IFACE, Lab, STACK } from './lab.ts';
import { kernelCounters } from './kernel-counters.ts';
import { startPeer } from './peer-task.ts';
void KERNEL_IFACE;
void STACK;
test('x', async () => {
  for (let n = 0; n < 12; n++) {
    await using lab = await Lab.start('net_af_packet');
    const before = kernelCounters(lab.kernel);
    for (const echo of [true, false]) {
      const port = echo ? 4007 : 4009;
      await using peer = await startPeer<object>(lab.kernel, {
        mode: 'tcp-server',
        host: KERNEL,
        port,
        echo,
      });
      await lab.host.connect(KERNEL, port, 2, 3_000_000);
      await peer.result;
    }
    await lab.host.ask({ op: 'settle' });
    const after = kernelCounters(lab.kernel);
    const d = (k: string) => after[k]! - before[k]!;
    console.log(
      n,
      'rst',
      d('Tcp.OutRsts'),
      'retrans',
      d('Tcp.RetransSegs'),
      'tlp',
      d('TcpExt.TCPLossProbes'),
      'abortclose',
      d('TcpExt.TCPAbortOnClose'),
      'estabresets',
      d('Tcp.EstabResets'),
    );
    if (d('Tcp.OutRsts') > 0) {
      await lab.capture.reach(lab.kernel, STACK);
      const r = Bun.spawnSync([
        'bash',
        '-c',
        `tshark -r ${lab.capture.path} -Y 'tcp.flags.fin==1 || tcp.flags.reset==1' -t r 2>/dev/null; tshark -t r -r ${lab.capture.path} -Y tcp 2>/dev/null | grep -B14 RST`,
      ]);
      console.log(r.stdout.toString());
    }
  }
}, 100_000);
