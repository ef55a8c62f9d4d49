/**
 * `docs/conformance.md`: what is tested of which RFC, and what is knowingly not done.
 *
 * @module
 */

import { markdownTable } from '../markdown-table.ts';
import type { Evidence } from './collect.ts';
import { KNOWN_GAPS } from './known-gaps.ts';

/** Titles of the RFCs, for headings. */
export const RFC_TITLES: Readonly<Record<number, string>> = {
  768: 'User Datagram Protocol',
  791: 'Internet Protocol',
  792: 'Internet Control Message Protocol',
  793: 'Transmission Control Protocol (1981)',
  815: 'IP Datagram Reassembly Algorithms',
  826: 'Address Resolution Protocol',
  862: 'Echo Protocol',
  1071: 'Computing the Internet Checksum',
  1112: 'Host Extensions for IP Multicasting',
  1122: 'Requirements for Internet Hosts: Communication Layers',
  1141: 'Incremental Updating of the Internet Checksum',
  1191: 'Path MTU Discovery',
  1337: 'TIME-WAIT Assassination Hazards in TCP',
  1624: 'Computation of the Internet Checksum via Incremental Update',
  1812: 'Requirements for IP Version 4 Routers',
  2018: 'TCP Selective Acknowledgment Options',
  2236: 'Internet Group Management Protocol, Version 2',
  2385: 'Protection of BGP Sessions via the TCP MD5 Signature Option',
  2525: 'Known TCP Implementation Problems',
  2675: 'IPv6 Jumbograms',
  2711: 'IPv6 Router Alert Option',
  2883: 'An Extension to SACK for TCP',
  3042: "Enhancing TCP's Loss Recovery Using Limited Transmit",
  3168: 'The Addition of Explicit Congestion Notification to IP',
  3376: 'Internet Group Management Protocol, Version 3',
  3465: 'TCP Congestion Control with Appropriate Byte Counting',
  3493: 'Basic Socket Interface Extensions for IPv6',
  3522: 'The Eifel Detection Algorithm for TCP',
  3708: 'Using DSACKs and SCTP Duplicate TSNs to Detect Spurious Retransmissions',
  3720: 'iSCSI (test vectors of CRC32C)',
  4443: 'ICMPv6',
  4541: 'Considerations for IGMP and MLD Snooping Switches',
  4821: 'Packetization Layer Path MTU Discovery',
  4861: 'Neighbor Discovery for IP version 6',
  4862: 'IPv6 Stateless Address Autoconfiguration',
  4987: 'TCP SYN Flooding Attacks and Common Mitigations',
  5227: 'IPv4 Address Conflict Detection',
  5348: 'TCP Friendly Rate Control (TFRC): Protocol Specification',
  5482: 'TCP User Timeout Option',
  5681: 'TCP Congestion Control',
  5682: 'Forward RTO-Recovery (F-RTO)',
  5722: 'Handling of Overlapping IPv6 Fragments',
  5925: 'The TCP Authentication Option',
  5927: 'ICMP Attacks against TCP',
  5961: "Improving TCP's Robustness to Blind In-Window Attacks",
  6056: 'Recommendations for Transport-Protocol Port Randomization',
  6093: 'On the Implementation of the TCP Urgent Mechanism',
  6191: 'Reducing the TIME-WAIT State Using TCP Timestamps',
  6298: "Computing TCP's Retransmission Timer",
  6528: 'Defending against Sequence Number Attacks',
  6582: "The NewReno Modification to TCP's Fast Recovery Algorithm",
  6633: 'Deprecation of ICMP Source Quench Messages',
  6675: 'A Conservative Loss Recovery Algorithm Based on SACK',
  6691: 'TCP Options and Maximum Segment Size',
  6724: 'Default Address Selection for IPv6',
  6864: 'Updated Specification of the IPv4 ID Field',
  6928: "Increasing TCP's Initial Window",
  6937: 'Proportional Rate Reduction for TCP',
  6946: 'Processing of IPv6 "Atomic" Fragments',
  7048: 'Neighbor Unreachability Detection Is Too Impatient',
  7323: 'TCP Extensions for High Performance',
  7413: 'TCP Fast Open',
  7661: 'Updating TCP to Support Rate-Limited Traffic',
  8200: 'Internet Protocol, Version 6',
  8201: 'Path MTU Discovery for IP version 6',
  8985: 'The RACK-TLP Loss Detection Algorithm for TCP',
  9293: 'Transmission Control Protocol',
  9406: 'HyStart++',
  9438: 'CUBIC for Fast and Long-Distance Networks',
  9768: 'More Accurate Explicit Congestion Notification (AccECN) Feedback in TCP',
  9776: 'Internet Group Management Protocol, Version 3',
  9777: 'Multicast Listener Discovery Version 2',
};

/** The whole document. */
export function conformanceMarkdown(evidence: readonly Evidence[]): string {
  const rfcs = [...new Set(evidence.map((each) => each.rfc))];
  const open = evidence.filter((each) => each.verdict === 'knowingly not done');
  const lines = [
    '# Conformance',
    '',
    'Made by `bun packages/sim/src/conformance/main.ts` from the headers of the packet scripts and',
    'the titles of all tests; a test checks that it is up to date. Do not edit it.',
    '',
    'Every line of the chapters by RFC is a test that runs with `npm test`. _Conforms_ means that',
    'a test whose title or header names the section passes: it says what that test tries, nothing',
    'of the rest of the section. Tests that need root, namespaces or DPDK (`*.netns.test.ts`,',
    '`*.dpdk.test.ts`) skip elsewhere, and their rows hold where they ran. _Knowingly not done_: a',
    'packet script says what the RFC asks for, we do something else, and it is required to fail',
    'until that changes; or it stands in the list that is written by hand. The level is that of',
    'RFC 2119 where a packet script quotes one; NOTE is behaviour of ours that no RFC prescribes.',
    '',
    `Tests: ${sum(evidence)}, of them ${sum(open)} required to fail; RFCs: ${rfcs.length}.`,
    `Listed by hand as not done: ${KNOWN_GAPS.length}.`,
    '',
    '## Knowingly not done',
    '',
    'By packet scripts that are required to fail:',
    '',
    ...openTable(open),
    '',
    'Besides, left out or chosen otherwise. This list is written by hand',
    '(`packages/sim/src/conformance/known-gaps.ts`); the last column is where the choice is made.',
    'What an RFC asks for that is neither here nor below was not looked at.',
    '',
    ...gapTable(),
    '',
    '## Overview',
    '',
    ...overviewTable(evidence, rfcs),
  ];
  for (const rfc of rfcs) {
    const own = evidence.filter((each) => each.rfc === rfc);
    const title = RFC_TITLES[rfc];
    lines.push('', `## RFC ${rfc}${title === undefined ? '' : `: ${title}`}`, '', ...rfcTable(own));
  }
  return `${lines.join('\n')}\n`;
}

function sum(evidence: readonly Evidence[]): number {
  return evidence.reduce((total, each) => total + each.cases, 0);
}

function openTable(open: readonly Evidence[]): string[] {
  if (open.length === 0) return ['None.'];
  return markdownTable(
    ['RFC', 'section', 'level', 'what is asked for', 'what we do', 'test'],
    ['right', 'left', 'left', 'left', 'left', 'left'],
    open.map((each) => [
      String(each.rfc),
      each.section,
      each.level,
      each.title,
      each.reason,
      link(each.path),
    ]),
  );
}

function gapTable(): string[] {
  return markdownTable(
    ['RFC', 'section', 'what is asked for', 'what we do', 'why', 'where'],
    ['right', 'left', 'left', 'left', 'left', 'left'],
    KNOWN_GAPS.map((each) => [
      String(each.document),
      each.section,
      each.asked,
      each.ours,
      each.why,
      link(each.file),
    ]),
  );
}

function overviewTable(evidence: readonly Evidence[], rfcs: readonly number[]): string[] {
  return markdownTable(
    ['RFC', 'title', 'tests', 'knowingly not done'],
    ['right', 'left', 'right', 'right'],
    rfcs.map((rfc) => {
      const own = evidence.filter((each) => each.rfc === rfc);
      const shown = sum(own.filter((each) => each.verdict !== 'conforms'));
      const open = shown + KNOWN_GAPS.filter((each) => each.document === rfc).length;
      return [String(rfc), RFC_TITLES[rfc] ?? '', String(sum(own)), open === 0 ? '' : String(open)];
    }),
  );
}

function rfcTable(own: readonly Evidence[]): string[] {
  return markdownTable(
    ['section', 'level', 'what is tested', 'cases', 'verdict', 'test'],
    ['left', 'left', 'left', 'right', 'left', 'left'],
    own.map((each) => [
      each.section,
      each.level,
      each.title,
      String(each.cases),
      each.verdict,
      link(each.path),
    ]),
  );
}

function link(path: string): string {
  const short = path.replace(/^packages\//, '').replace(/^sim\/scripts\//, '');
  return `[${short}](../${path})`;
}
