// Runs a flash image in rp2040js: node rp2040js_run.cjs PACKAGE FLASH_IMAGE
//
// Standard input goes to UART0. Standard output has frames: a letter, the payload's length as four
// bytes (low first), the payload.
//   o  bytes that UART0 sent
//   i  the firmware only looks whether a byte has come: JSON of what has happened so far
//   f  the image cannot be run: why
'use strict';

const fs = require('fs');
const { RP2040, ConsoleLogger, LogLevel } = require(process.argv[2]);

const CHUNK = 200000; // Instructions between looks at standard input.
const IDLE_LOOKS = 64;
const UART_FR = 0x18;
const BOOT2_BYTES = 256;
const BOOT2_AT = 0x20041f00; // Where the boot ROM copies the second stage: SRAM5's end.

function send(letter, payload) {
  const head = Buffer.alloc(5);
  head.write(letter, 0, 'latin1');
  head.writeUInt32LE(payload.length, 1);
  fs.writeSync(1, Buffer.concat([head, payload]));
}

// The boot ROM's check of the second stage: RP2040 datasheet, 2.8.1.3.1.
function crc32mpeg2(bytes) {
  let crc = 0xffffffff;
  for (const byte of bytes) {
    crc ^= byte << 24;
    for (let bit = 0; bit < 8; ++bit) {
      crc = crc & 0x80000000 ? (crc << 1) ^ 0x04c11db7 : crc << 1;
    }
  }
  return crc >>> 0;
}

const flash = fs.readFileSync(process.argv[3]);
const stage = flash.subarray(0, BOOT2_BYTES);
if (stage.length < BOOT2_BYTES || crc32mpeg2(stage.subarray(0, 252)) !== stage.readUInt32LE(252)) {
  send('f', Buffer.from('the checksum of the second-stage loader is wrong: the boot ROM would stop'));
  process.exit(3);
}

const chip = new RP2040();
chip.logger = new ConsoleLogger(LogLevel.Error, false);
chip.flash.set(flash);
const core = chip.core;

// What the boot ROM does: rp2040js has none. It copies the second stage and calls it with LR = 0,
// which makes it go on to the vector table behind itself.
chip.sram.set(stage, BOOT2_AT - 0x20000000);
core.SP = BOOT2_AT;
core.LR = 0;
core.PC = BOOT2_AT;

const uart = chip.uart[0];
const waiting = [];
let taken = 0;
let looks = 0;
let idle = false;
let sent = [];
let ended = false;

function flush() {
  if (sent.length) {
    send('o', Buffer.from(sent));
    sent = [];
  }
}

uart.onByte = (byte) => {
  looks = 0;
  if (!uart.enabled || !uart.txEnabled) {
    flush();
    send('f', Buffer.from('it sends through a UART that it has not enabled'));
    process.exit(3);
  }
  sent.push(byte);
};

const readRegister = uart.readUint32.bind(uart);
uart.readUint32 = (offset) => {
  if (offset === UART_FR) {
    if (uart.rxFIFO.empty && waiting.length && uart.enabled && uart.rxEnabled) {
      uart.feedByte(waiting.shift());
      taken += 1;
    }
    looks = uart.rxFIFO.empty ? looks + 1 : 0;
    idle = looks >= IDLE_LOOKS;
  }
  return readRegister(offset);
};

function run() {
  for (let i = 0; i < CHUNK && !idle; ++i) {
    if (core.waiting) {
      const alarm = chip.clock.nanosToNextAlarm;
      if (alarm <= 0) {
        idle = true; // Nothing will wake it.
        break;
      }
      chip.clock.tick(alarm);
      continue;
    }
    chip.clock.tick((core.executeInstruction() * 1e9) / chip.clkSys);
  }
  flush();
  if (!idle) {
    setImmediate(run);
    return;
  }
  const state = { taken, cycles: core.cycles, hz: chip.clkSys, baud: uart.baudRate };
  send('i', Buffer.from(JSON.stringify(state)));
  if (ended) {
    process.exit(0);
  }
}

process.stdin.on('data', (data) => {
  for (const byte of data) {
    waiting.push(byte);
  }
  looks = 0;
  if (idle) {
    idle = false;
    setImmediate(run);
  }
});
process.stdin.on('end', () => {
  ended = true;
  if (idle) {
    process.exit(0);
  }
});
setImmediate(run);
