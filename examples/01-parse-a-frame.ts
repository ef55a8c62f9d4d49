/**
 * A header is read by free functions at an offset: nothing is copied, no object is made.
 */

import {
  checkIpv4,
  ethernetType,
  ETHERTYPE_IPV4,
  formatIpv4,
  ipv4Dst,
  ipv4HeaderLength,
  ipv4Src,
  ipv4TotalLength,
  tcpDstPort,
  tcpSeq,
  tcpSrcPort,
} from '@tickwire/wire';

// Ethernet, IPv4 and TCP headers of a SYN from 10.0.0.1:40000 to 10.0.0.2:80.
const frame = Uint8Array.fromHex(
  '02000000000b02000000000a0800' +
    '4500002800004000400626ce0a0000010a000002' +
    '9c400050000003e80000000050022000b3a40000',
);
const view = new DataView(frame.buffer);

const isIpv4 = ethernetType(view, 0) === ETHERTYPE_IPV4;
if (!isIpv4 || checkIpv4(view, 14, frame.length - 14) < 0) throw new Error('not a good packet');
const tcp = 14 + ipv4HeaderLength(view, 14);
const from = `${formatIpv4(ipv4Src(view, 14))}:${tcpSrcPort(view, tcp)}`;
const to = `${formatIpv4(ipv4Dst(view, 14))}:${tcpDstPort(view, tcp)}`;
console.log(`${from} > ${to}, seq ${tcpSeq(view, tcp)}, ${ipv4TotalLength(view, 14)} bytes`);
