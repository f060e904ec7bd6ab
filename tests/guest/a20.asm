; A boot sector that moves the A20 gate: data and code at 1 MiB are those at 0 while both sources say off. Ends by
; isa-debug-exit with 0x21, or with the number of the step that failed.
bits 16
org 0x7c00

kLow equ 0x0500                 ; 0000:0500 and, one MiB above, ffff:0510
kHigh equ kLow + 0x10
kCode equ 0x0520                ; code that is run from both addresses

%macro fast 1                   ; port 0x92: A20 asked for, or not
    in al, 0x92
    and al, 0xfc
    or al, %1
    out 0x92, al
%endmacro

%macro check 3                  ; step, what is read, what it must be
    mov al, %1
    cmp word %2, %3
    jne end
%endmacro

start:
    cli
    xor ax, ax
    mov ds, ax
    mov ss, ax
    mov sp, 0x7c00
    dec ax
    mov es, ax                  ; ffff
    mov cx, 2000
round:
    fast 2
    mov word [kLow], 0x1111
    mov word [es:kHigh], 0x2222
    check 1, [kLow], 0x1111

    mov al, 0xdd                ; the keyboard controller says off, port 0x92 still on
    out 0x64, al
    check 2, [es:kHigh], 0x2222
    fast 0
    check 3, [es:kHigh], 0x1111
    mov word [es:kHigh], 0x3333
    check 4, [kLow], 0x3333

    mov dword [kCode], 0xcb1111b8   ; mov ax, 0x1111; retf
    call 0xffff:kCode + 0x10
    mov bx, ax
    check 5, bx, 0x1111
    mov word [es:kCode + 0x11], 0x4444
    call 0x0000:kCode
    mov bx, ax
    check 6, bx, 0x4444

    fast 2
    mov dword [es:kCode + 0x10], 0xcb5555b8
    call 0xffff:kCode + 0x10
    mov bx, ax
    check 7, bx, 0x5555
    check 8, [es:kHigh], 0x2222
    check 9, [kLow], 0x3333
    fast 0
    call 0xffff:kCode + 0x10
    mov bx, ax
    check 10, bx, 0x4444
    mov al, 0xdf                ; the keyboard controller says on
    out 0x64, al
    check 11, [es:kHigh], 0x2222
    dec cx
    jnz round
    mov al, 0x21
end:
    out 0xf4, al
    hlt
    jmp end

    times 510 - ($ - $$) db 0
    dw 0xaa55
