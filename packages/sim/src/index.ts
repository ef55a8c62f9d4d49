/**
 * Development only: virtual time, a layer-3 port, sockets in the shape of POSIX, packet scripts, a
 * simulated network, and an endpoint through which other programs drive one stack.
 *
 * @packageDocumentation
 */

export {
  type Emission,
  Layer3Port,
  type LinkDestination,
  packetFault,
  PEER_MAC,
} from './port/layer3-port.ts';
export { type FrameSink, MemoryDevice, type MemoryDeviceOptions } from './port/memory-device.ts';
export {
  createScriptedStack,
  ScriptedStack,
  type ScriptedStackOptions,
} from './port/scripted-stack.ts';
export { type Party, VirtualTime } from './port/virtual-time.ts';
export { type Attempt, BlockingCall } from './posix/blocking-call.ts';
export { Errno, errnoName, type ErrnoName } from './posix/errno.ts';
export { PollEvent, pollText } from './posix/poll-events.ts';
export { MSG_OOB, MSG_PEEK, Posix, type ShutdownHow } from './posix/posix.ts';
export { LossyBridge, type LossyBridgeOptions } from './bridge/lossy-bridge.ts';
export { Endpoint, type ReplyBody } from './endpoint/endpoint.ts';
export { type EndpointServer, serveEndpoint } from './endpoint/serve.ts';
export { SimLink, SimLinkCounters, type SimLinkOptions } from './net/sim-link.ts';
export {
  SimHost,
  type SimHostOptions,
  SimNetwork,
  type SimNetworkOptions,
  SimSwitch,
  simulate,
} from './net/sim-network.ts';
export { tcpInfoFields, type TcpInfoRecord } from './posix/tcp-info.ts';
export { addressOn, type Family, isForBothFamilies, stackOptionsOn } from './script/family.ts';
export { findScripts, loadScripts, parseScripts, scriptTitle } from './script/load-script.ts';
export { runScript, type ScriptResult } from './script/run-script.ts';
export { type Header, type Level, type Script, ScriptSyntaxError } from './script/script.ts';
