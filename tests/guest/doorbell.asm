; A boot sector that rings the doorbells of a pci-testdev behind its BAR of ports: 2 * ROUNDS writes of which the device is to
; count all (test 1) or one value alone, half of them (test 2). Ends by isa-debug-exit: 0x31, or 0x32 for a wrong count.
bits 16
org 0x7c00

%ifndef ROUNDS
%define ROUNDS 100
%endif

CONFIG_ADDRESS equ 0xcf8
CONFIG_DATA equ 0xcfc
TESTDEV equ 0x00051b36
BAR1 equ 0x14
COUNT equ 12
TARGET equ 0x80
VALUE equ 0xfa

start:
    cli
    mov ecx, 0x80000000                 ; bus 0, device 0
.look:
    mov eax, ecx
    call config
    cmp eax, TESTDEV
    je .found
    add ecx, 1 << 11
    cmp ecx, 0x80000000 + (32 << 11)
    jb .look
    jmp wrong
.found:
    lea eax, [ecx + BAR1]
    call config
    and ax, 0xfffc
    mov bp, ax                          ; ports
    mov al, 1
    mov ebx, 2 * ROUNDS
    call test_bells
    mov al, 2
    mov ebx, ROUNDS
    call test_bells
    mov al, 0x31
    jmp end
wrong:
    mov al, 0x32
end:
    out 0xf4, al
    hlt

config:                                 ; EAX: address -> EAX: register
    mov dx, CONFIG_ADDRESS
    out dx, eax
    mov dx, CONFIG_DATA
    in eax, dx
    ret

test_bells:                             ; AL: test, EBX: what is to be counted
    mov dx, bp
    out dx, al
    lea dx, [bp + TARGET]
    mov cx, ROUNDS
.ring:
    mov al, VALUE
    out dx, al
    inc ax
    out dx, al
    loop .ring
    lea dx, [bp + COUNT]
    in eax, dx
    cmp eax, ebx
    jne wrong
    ret

    times 510 - ($ - $$) db 0
    dw 0xaa55
