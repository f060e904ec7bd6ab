; A boot sector: prints on the firmware's debug port, reads sector 2 through INT 13h, prints that too, and ends the run by
; isa-debug-exit with the value 0x21 (0x22 when the read failed).
bits 16
org 0x7c00

start:
    xor ax, ax
    mov ds, ax
    mov es, ax
    mov ss, ax
    mov sp, 0x7c00
    mov [drive], dl
    mov si, hello
    call print
    mov ax, 0x0201          ; read one sector
    mov cx, 0x0002          ; cylinder 0, sector 2
    mov dh, 0
    mov dl, [drive]
    mov bx, 0x8000
    int 0x13
    mov al, 0x22
    jc end
    mov si, 0x8000
    call print
    mov al, 0x21
end:
    out 0xf4, al
    hlt
    jmp end

print:
    lodsb
    test al, al
    jz .done
    mov dx, 0x402
    out dx, al
    jmp print
.done:
    ret

hello db "boot sector runs", 10, 0
drive db 0
    times 510 - ($ - $$) db 0
    dw 0xaa55

    db "second sector read", 10, 0
    times 1024 - ($ - $$) db 0
