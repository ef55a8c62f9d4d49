/**
 * The Device contract and the devices that need no driver.
 *
 * @packageDocumentation
 */

export {
  BURST_MAX,
  type Device,
  type DeviceCapabilities,
  DeviceStats,
  RX_BAD,
  RX_HASHED,
  RX_SUMMED,
  RX_VERIFIED,
  RxBurst,
  TxBurst,
} from './device.ts';
