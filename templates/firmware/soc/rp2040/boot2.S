/* The second-stage loader of RP2040: 252 bytes that the boot ROM copies to RAM and runs, behind them
 * their CRC-32. It makes the serial flash readable in place, four bits at a time, and starts the image
 * behind itself. scripts/assemble_boot2.py turns it into the words of boot2.c.
 *
 * RP2040 datasheet: 2.8.1.3.1 "Flash second stage", 4.10 "SSI", 2.19.6.4 "Pad control, QSPI bank".
 * Winbond W25Q16JV datasheet: 7.1 "Status registers", 8.2.5 "Read status register", 8.2.12 "Fast read
 * quad I/O (EBh)".
 */
    .syntax unified
    .cpu cortex-m0plus
    .thumb

    .equ SSI_CTRLR0, 0x00
    .equ SSI_CTRLR1, 0x04
    .equ SSI_SSIENR, 0x08
    .equ SSI_BAUDR, 0x14
    .equ SSI_SR, 0x28
    .equ SSI_DR0, 0x60
    .equ SSI_RX_SAMPLE_DLY, 0xF0  /* beyond the reach of an immediate offset */
    .equ SSI_SPI_CTRLR0, 0xF4

    .section .text
    .global boot2
    .thumb_func
boot2:
    /* Pads: SCLK 8 mA and fast; data without Schmitt trigger, whose delay the clock has no time for. */
    ldr r3, =0x40020000           /* PADS_QSPI */
    movs r0, #0x21                /* DRIVE: 8 mA; SLEWFAST */
    str r0, [r3, #4]              /* SCLK */
    ldr r0, [r3, #8]              /* SD0 */
    movs r1, #2                   /* SCHMITT */
    bics r0, r1
    str r0, [r3, #8]
    str r0, [r3, #12]
    str r0, [r3, #16]
    str r0, [r3, #20]

    ldr r3, =0x18000000           /* XIP_SSI */
    movs r4, r3
    adds r4, #0xF0                /* its registers from RX_SAMPLE_DLY */
    movs r5, #0
    movs r6, #1
    str r5, [r3, #SSI_SSIENR]
    movs r0, #2
    str r0, [r3, #SSI_BAUDR]      /* half the core's clock */
    str r6, [r4, #0]              /* RX_SAMPLE_DLY: a cycle */

    /* Plain SPI, 8 bits a frame, to see whether quad mode is allowed: QE, bit 1 of status register 2. */
    ldr r0, =0x00070000           /* DFS_32: 8 bits; TMOD: transmit and receive */
    str r0, [r3, #SSI_CTRLR0]
    str r6, [r3, #SSI_SSIENR]
    movs r0, #0x35                /* Read status register 2 */
    bl exchange_two
    movs r1, #2
    tst r0, r1
    bne quad
    movs r0, #0x06                /* Write enable */
    str r0, [r3, #SSI_DR0]
    bl finish
    ldr r0, [r3, #SSI_DR0]
    movs r0, #0x01                /* Write status register: 0, QE */
    movs r1, #2
    str r0, [r3, #SSI_DR0]
    str r5, [r3, #SSI_DR0]
    str r1, [r3, #SSI_DR0]
    bl finish
    ldr r0, [r3, #SSI_DR0]
    ldr r0, [r3, #SSI_DR0]
    ldr r0, [r3, #SSI_DR0]
1:  movs r0, #0x05                /* Read status register 1 */
    bl exchange_two
    tst r0, r6                    /* BUSY */
    bne 1b

quad:
    /* One read with command EBh and mode bits A0h puts the flash into its continuous mode. */
    str r5, [r3, #SSI_SSIENR]
    ldr r0, =0x005F0300           /* SPI_FRF: quad; DFS_32: 32 bits; TMOD: EEPROM read */
    str r0, [r3, #SSI_CTRLR0]
    str r5, [r3, #SSI_CTRLR1]     /* NDF: one word */
    ldr r0, =0x00002221           /* WAIT_CYCLES 4; INST_L 8; ADDR_L 32; TRANS_TYPE: quad address */
    str r0, [r4, #4]              /* SPI_CTRLR0 */
    str r6, [r3, #SSI_SSIENR]
    movs r0, #0xEB
    str r0, [r3, #SSI_DR0]
    movs r0, #0xA0                /* address 0, mode bits */
    str r0, [r3, #SSI_DR0]
    bl finish
    str r5, [r3, #SSI_SSIENR]
    ldr r0, =0xA0002022           /* XIP_CMD: mode bits; WAIT_CYCLES 4; INST_L 0; ADDR_L 32; all quad */
    str r0, [r4, #4]
    str r6, [r3, #SSI_SSIENR]

    /* The image's vectors are behind these 256 bytes. */
    ldr r0, =0x10000100
    ldr r1, =0xE000ED08           /* VTOR */
    str r0, [r1]
    ldmia r0!, {r1, r2}
    msr msp, r1
    bx r2

    /* Sends the byte in r0 twice, one for the answer's time; returns the second byte received. */
    .thumb_func
exchange_two:
    str r0, [r3, #SSI_DR0]
    str r0, [r3, #SSI_DR0]
    mov r7, lr
    bl finish
    ldr r0, [r3, #SSI_DR0]
    ldr r0, [r3, #SSI_DR0]
    bx r7

    /* Waits until all has been sent. */
    .thumb_func
finish:
    ldr r1, [r3, #SSI_SR]
    movs r2, #5                   /* TFE, BUSY */
    ands r1, r2
    cmp r1, #4
    bne finish
    bx lr

    .ltorg
