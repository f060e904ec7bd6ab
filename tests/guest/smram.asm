; A boot sector that opens, closes and locks SMRAM by the host bridge's registers, of either board, with 128 MiB; then it
; moves the local APIC over the HPET and back. Ends by isa-debug-exit with 0x21, or with the number of the step that failed.
bits 16
org 0x7c00

kScreen equ 0xb8000             ; display memory, and SMRAM below it
kHigh equ 0xfeda0000 + kScreen - 0xa0000
kTseg equ 0x07f00000
kHpet equ 0xfed00000
kOpen equ 0x4a
kClosed equ 0x0a
kLocked equ 0x1a

%macro check 3                  ; step, what is read, what it must be
    mov al, %1
    cmp dword %2, %3
    jne end
%endmacro

%macro host 2                   ; byte register of the host bridge
    mov ax, (%1) | (%2) << 8
    call write_host
%endmacro

start:
    cli
    xor ax, ax
    mov ds, ax
    mov ss, ax
    mov sp, 0x7c00
    lgdt [gdt_place]            ; segments of 4 GiB stay when real mode comes back
    mov eax, cr0
    inc ax
    mov cr0, eax
    mov cx, 8
    mov ds, cx
    dec ax
    mov cr0, eax
    xor ax, ax
    mov ds, ax

    mov eax, 0x80000000
    mov dx, 0xcf8
    out dx, eax
    mov dx, 0xcfc
    in eax, dx
    mov bl, 0x72
    cmp eax, 0x12378086
    je compatible
    mov bl, 0x9d
    call extended
    host 0x9e, 0x01
compatible:
    mov al, kClosed
    call write_smram
    mov esi, kScreen
    mov dword [esi], 0x41414141
    mov al, kOpen
    call write_smram
    mov dword [esi], 0x5a5a5a5a
    mov al, kClosed
    call write_smram
    check 1, [esi], 0x41414141
    mov al, kOpen
    call write_smram
    check 2, [esi], 0x5a5a5a5a
    mov al, kLocked
    call write_smram
    mov al, kOpen
    call write_smram
    check 3, [esi], 0x41414141

    mov esi, kHpet
    mov edi, [esi]
    mov eax, kHpet | 0x900
    call move_lapic
    check 4, [esi], 0           ; APIC ID
    mov eax, 0xfee00900
    call move_lapic
    check 5, [esi], edi
    mov al, 0x21
end:
    out 0xf4, al
    hlt
    jmp end

; The Q35's TSEG and high SMRAM.
extended:
    mov esi, kTseg
    mov dword [esi], 0x11223344
    host 0xaf, kTseg >> 24
    host 0xae, kTseg >> 16 & 0xff
    host 0x9e, 0x01
    host 0x9d, kClosed
    check 6, [esi], 0xffffffff
    mov dword [esi], 0
    mov dx, 0xcfe               ; ESMRAMC, still selected: E_SMERR
    mov ah, 0x9e
    call select
    in al, dx
    cmp al, 0x79
    mov al, 7
    jne end
    host 0x9d, kOpen
    check 8, [esi], 0x11223344
    host 0x9e, 0x81
    mov dword [dword kHigh], 0x5a5a0000
    host 0x9e, 0x01
    mov esi, kScreen
    check 9, [esi], 0x5a5a0000
    ret

; al to the SMRAM register, which is bl.
write_smram:
    mov ah, al
    mov al, bl
; ah to register al of the host bridge.
write_host:
    xchg al, ah
    call select
    out dx, al
    ret

; Selects register ah of the host bridge: dx is its port. Keeps al.
select:
    push ax
    movzx eax, ah
    push ax
    and al, 0xfc
    or eax, 0x80000000
    mov dx, 0xcf8
    out dx, eax
    pop dx
    and dx, 3
    add dx, 0xcfc
    pop ax
    ret

move_lapic:
    mov ecx, 0x1b
    xor edx, edx
    wrmsr
    ret

gdt:
    dq 0
    dq 0x00cf92000000ffff
gdt_place:
    dw gdt_place - gdt - 1
    dd gdt

    times 510 - ($ - $$) db 0
    dw 0xaa55
