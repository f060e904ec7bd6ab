; Boot sector of tools/bench-window: Bochs VBE at WIDTH x HEIGHT x 32, all of it painted in another colour at each tick of
; a timer that runs at RATE Hz.
%ifndef RATE
%define RATE 72
%endif
WIDTH equ 1280
HEIGHT equ 800
VBE_INDEX equ 0x1ce

        org 0x7c00
        bits 16
start:  xor ax, ax
        mov ds, ax
        mov ss, ax
        mov sp, 0x7c00
        cli
        lgdt [gdt]
        mov eax, cr0            ; ES gets a limit of 4 GiB and keeps it in real mode
        or al, 1
        mov cr0, eax
        mov bx, 8
        mov es, bx
        and al, 0xfe
        mov cr0, eax
        xor ax, ax
        mov es, ax

        mov si, registers
.next:  lodsw
        mov dx, VBE_INDEX
        out dx, ax
        lodsw
        inc dx
        out dx, ax
        cmp si, registers_end
        jb .next

        mov eax, 0x80001010     ; BAR 0 of the display, 00:02.0
        mov dx, 0xcf8
        out dx, eax
        mov dx, 0xcfc
        in eax, dx
        and al, 0xf0
        mov [memory], eax

        mov al, 0x34            ; channel 0: rate generator
        out 0x43, al
        mov ax, 1193182 / RATE
        out 0x40, al
        mov al, ah
        out 0x40, al
        sti
.frame: hlt
        add ebx, 0x00010305
        mov eax, ebx
        mov edi, [memory]
        mov ecx, WIDTH * HEIGHT
        a32 rep stosd
        jmp .frame

registers: dw 4, 0, 1, WIDTH, 2, HEIGHT, 3, 32, 4, 0x41
registers_end:
memory: dd 0
        align 8
gdt:    dw 15               ; the null descriptor holds the table's own place
        dd gdt
        dw 0
        dq 0x00cf92000000ffff
        times 510 - ($ - $$) db 0
        dw 0xaa55
