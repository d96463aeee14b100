#include "textflag.h"

// Two SHA-256 computations side by side. The rounds of one wait for each other
// (SHA256RNDS2 takes its own result again), so one alone uses half of what the
// unit can do. The order within a block is that of Intel's SHA extensions
// (Gulley et al., "Intel SHA Extensions", 2013): the state in two registers as
// ABEF and CDGH, the message schedule in four that take turns.
//
//	AX      round constants
//	SI, DI  data of the first and of the second
//	X0      words and constants, which SHA256RNDS2 takes there
//	X1, X2  state of the first; X3, X4 of the second
//	X5-X8   schedule of the first; X9-X12 of the second
//	X13     for a moment
//	X14     byte order

// LOAD reads four words.
#define LOAD(from, words) \
	VMOVDQU from, words; \
	PSHUFB  X14, words

// ROUNDS does four rounds, of the constants at n*16.
#define ROUNDS(n, words, abef, cdgh) \
	VPADDD      (n*16)(AX), words, X0; \
	SHA256RNDS2 X0, abef, cdgh; \
	PSHUFD      $0x0e, X0, X0; \
	SHA256RNDS2 X0, cdgh, abef

// EXTEND finishes the next four words, begun by SHA256MSG1.
#define EXTEND(before, words, next) \
	VPALIGNR   $4, before, words, X13; \
	PADDD      X13, next; \
	SHA256MSG2 words, next

// BOTH does four rounds of both, and goes on with both schedules.
#define BOTH(n, before1, words1, next1, before2, words2, next2) \
	ROUNDS(n, words1, X1, X2); \
	ROUNDS(n, words2, X3, X4); \
	EXTEND(before1, words1, next1); \
	EXTEND(before2, words2, next2); \
	SHA256MSG1 words1, before1; \
	SHA256MSG1 words2, before2

// UNPACK makes ABEF and CDGH of the eight words at a state, PACK the reverse.
#define UNPACK(state, abef, cdgh) \
	VMOVDQU  (state), abef; \
	VMOVDQU  16(state), cdgh; \
	PSHUFD   $0xb1, abef, abef; \
	PSHUFD   $0x1b, cdgh, cdgh; \
	VMOVDQA  abef, X13; \
	PALIGNR  $8, cdgh, abef; \
	PBLENDW  $0xf0, X13, cdgh

#define PACK(state, abef, cdgh) \
	PSHUFD   $0x1b, abef, abef; \
	PSHUFD   $0xb1, cdgh, cdgh; \
	VMOVDQA  abef, X13; \
	PBLENDW  $0xf0, cdgh, abef; \
	PALIGNR  $8, X13, cdgh; \
	VMOVDQU  abef, (state); \
	VMOVDQU  cdgh, 16(state)

// func blocks(h1, h2 *state, p1, p2 *byte, n int)
TEXT ·blocks(SB), NOSPLIT, $64-40
	MOVQ    h1+0(FP), R8
	MOVQ    h2+8(FP), R9
	MOVQ    p1+16(FP), SI
	MOVQ    p2+24(FP), DI
	MOVQ    n+32(FP), CX
	LEAQ    constants<>(SB), AX
	VMOVDQU order<>(SB), X14
	UNPACK(R8, X1, X2)
	UNPACK(R9, X3, X4)

block:
	SUBQ    $1, CX
	JLT     done
	VMOVDQU X1, 0(SP)
	VMOVDQU X2, 16(SP)
	VMOVDQU X3, 32(SP)
	VMOVDQU X4, 48(SP)

	LOAD(0(SI), X5)
	LOAD(0(DI), X9)
	ROUNDS(0, X5, X1, X2)
	ROUNDS(0, X9, X3, X4)
	LOAD(16(SI), X6)
	LOAD(16(DI), X10)
	ROUNDS(1, X6, X1, X2)
	ROUNDS(1, X10, X3, X4)
	SHA256MSG1 X6, X5
	SHA256MSG1 X10, X9
	LOAD(32(SI), X7)
	LOAD(32(DI), X11)
	ROUNDS(2, X7, X1, X2)
	ROUNDS(2, X11, X3, X4)
	SHA256MSG1 X7, X6
	SHA256MSG1 X11, X10
	LOAD(48(SI), X8)
	LOAD(48(DI), X12)
	BOTH(3, X7, X8, X5, X11, X12, X9)
	BOTH(4, X8, X5, X6, X12, X9, X10)
	BOTH(5, X5, X6, X7, X9, X10, X11)
	BOTH(6, X6, X7, X8, X10, X11, X12)
	BOTH(7, X7, X8, X5, X11, X12, X9)
	BOTH(8, X8, X5, X6, X12, X9, X10)
	BOTH(9, X5, X6, X7, X9, X10, X11)
	BOTH(10, X6, X7, X8, X10, X11, X12)
	BOTH(11, X7, X8, X5, X11, X12, X9)
	BOTH(12, X8, X5, X6, X12, X9, X10)
	BOTH(13, X5, X6, X7, X9, X10, X11)
	ROUNDS(14, X7, X1, X2)
	ROUNDS(14, X11, X3, X4)
	EXTEND(X6, X7, X8)
	EXTEND(X10, X11, X12)
	ROUNDS(15, X8, X1, X2)
	ROUNDS(15, X12, X3, X4)

	VPADDD  0(SP), X1, X1
	VPADDD  16(SP), X2, X2
	VPADDD  32(SP), X3, X3
	VPADDD  48(SP), X4, X4
	ADDQ    $64, SI
	ADDQ    $64, DI
	JMP     block

done:
	PACK(R8, X1, X2)
	PACK(R9, X3, X4)
	RET

// func leaf7() (ebx uint32)
TEXT ·leaf7(SB), NOSPLIT, $0-4
	MOVL $7, AX
	XORL CX, CX
	CPUID
	MOVL BX, ebx+0(FP)
	RET

// order turns the bytes of each word round.
DATA order<>+0(SB)/8, $0x0405060700010203
DATA order<>+8(SB)/8, $0x0c0d0e0f08090a0b
GLOBL order<>(SB), RODATA|NOPTR, $16

// The round constants: FIPS 180-4, section 4.2.2.
DATA constants<>+0(SB)/8, $0x71374491428a2f98
DATA constants<>+8(SB)/8, $0xe9b5dba5b5c0fbcf
DATA constants<>+16(SB)/8, $0x59f111f13956c25b
DATA constants<>+24(SB)/8, $0xab1c5ed5923f82a4
DATA constants<>+32(SB)/8, $0x12835b01d807aa98
DATA constants<>+40(SB)/8, $0x550c7dc3243185be
DATA constants<>+48(SB)/8, $0x80deb1fe72be5d74
DATA constants<>+56(SB)/8, $0xc19bf1749bdc06a7
DATA constants<>+64(SB)/8, $0xefbe4786e49b69c1
DATA constants<>+72(SB)/8, $0x240ca1cc0fc19dc6
DATA constants<>+80(SB)/8, $0x4a7484aa2de92c6f
DATA constants<>+88(SB)/8, $0x76f988da5cb0a9dc
DATA constants<>+96(SB)/8, $0xa831c66d983e5152
DATA constants<>+104(SB)/8, $0xbf597fc7b00327c8
DATA constants<>+112(SB)/8, $0xd5a79147c6e00bf3
DATA constants<>+120(SB)/8, $0x1429296706ca6351
DATA constants<>+128(SB)/8, $0x2e1b213827b70a85
DATA constants<>+136(SB)/8, $0x53380d134d2c6dfc
DATA constants<>+144(SB)/8, $0x766a0abb650a7354
DATA constants<>+152(SB)/8, $0x92722c8581c2c92e
DATA constants<>+160(SB)/8, $0xa81a664ba2bfe8a1
DATA constants<>+168(SB)/8, $0xc76c51a3c24b8b70
DATA constants<>+176(SB)/8, $0xd6990624d192e819
DATA constants<>+184(SB)/8, $0x106aa070f40e3585
DATA constants<>+192(SB)/8, $0x1e376c0819a4c116
DATA constants<>+200(SB)/8, $0x34b0bcb52748774c
DATA constants<>+208(SB)/8, $0x4ed8aa4a391c0cb3
DATA constants<>+216(SB)/8, $0x682e6ff35b9cca4f
DATA constants<>+224(SB)/8, $0x78a5636f748f82ee
DATA constants<>+232(SB)/8, $0x8cc7020884c87814
DATA constants<>+240(SB)/8, $0xa4506ceb90befffa
DATA constants<>+248(SB)/8, $0xc67178f2bef9a3f7
GLOBL constants<>(SB), RODATA|NOPTR, $256
