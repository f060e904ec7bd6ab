; A boot sector that sets the display's modes as programs for DOS do, by its registers, and shows one picture after
; another; a key goes on to the next. test_screens.py computes the same pictures.
bits 16
org 0x7c00

kPage equ 320 * 240 / 4         ; bytes of a page of mode X in each plane

%macro register 3               ; port, index, value
    mov dx, %1
    mov ax, (%2) | (%3) << 8
    out dx, ax
%endmacro

start:
    xor ax, ax
    mov ds, ax
    mov es, ax
    mov ss, ax
    mov sp, 0x7c00
    mov ax, 0x0204              ; the rest of this program
    mov cx, 2
    mov dh, 0
    mov bx, 0x7e00
    int 0x13
    jmp run

    times 510 - ($ - $$) db 0
    dw 0xaa55

run:
    cld
    mov ax, 0x0013              ; mode 13h: chained planes
    int 0x10
    call set_colours
    mov ax, 0xa000
    mov es, ax
    xor di, di
    xor bx, bx                  ; y
.row:
    xor cx, cx                  ; x
.pixel:
    mov ax, cx
    add ax, bx
    stosb
    inc cx
    cmp cx, 320
    jne .pixel
    inc bx
    cmp bx, 200
    jne .row
    call wait_for_key

    call mode_x                 ; two pages: x + y and x ^ y
    call set_colours
    mov bp, 1                   ; planes
.plane:
    mov ax, bp
    mov ah, al
    mov al, 2
    mov dx, 0x3c4
    out dx, ax
    xor di, di
    mov si, .sum
    call draw_plane
    mov si, .difference
    call draw_plane
    shl bp, 1
    cmp bp, 16
    jne .plane
    mov bx, kPage               ; the second page
    call show_at
    call wait_for_key

    register 0x3d4, 0x07, 0x2e  ; line compare: 239
    register 0x3d4, 0x09, 0x01
    register 0x3d4, 0x18, 0xef
    call wait_for_key

    register 0x3d4, 0x07, 0x3e  ; no split; six pixels to the left
    register 0x3d4, 0x09, 0x41
    register 0x3d4, 0x18, 0xff
    mov bx, kPage + 1
    call show_at
    mov al, 0x33
    mov ah, 4
    call attribute
    call wait_for_key

    mov ax, 0x0012              ; 16 colours in four planes
    int 0x10
    call set_colours
    mov cx, 16
.palette:
    mov al, cl
    dec al
    mov ah, al
    call attribute
    loop .palette
    mov al, 0x20                ; the picture is back
    mov dx, 0x3c0
    out dx, al
    register 0x3ce, 0x05, 0x02  ; write mode 2: a colour under the bit mask
    mov ax, 0xa000
    mov es, ax
    xor di, di
    xor bx, bx
.line:
    xor cx, cx
.byte:
    register 0x3ce, 0x08, 0xff
    mov al, cl
    add al, bl
    mov ah, [es:di]
    mov [es:di], al
    push ax
    register 0x3ce, 0x08, 0x0f
    pop ax
    mov ah, [es:di]             ; latches for the pixels that stay
    xor al, 0x0f
    mov [es:di], al
    inc di
    inc cx
    cmp cx, 80
    jne .byte
    inc bx
    cmp bx, 480
    jne .line
    call wait_for_key
    register 0x3d4, 0x0d, 0x02  ; 19 pixels to the left
    mov al, 0x33
    mov ah, 3
    call attribute
    jmp $

.sum:
    add al, bl
    ret
.difference:
    xor al, bl
    ret

; Pixels of the plane in bp to es:di, which goes on; si makes al, the low byte of x, and bx, y, a colour.
draw_plane:
    mov ax, 0xa000
    mov es, ax
    xor bx, bx
.row:
    mov ax, bp                  ; first x: the number of the plane
    bsf cx, ax
.pixel:
    mov al, cl
    call si
    stosb
    add cx, 4
    cmp cx, 320
    jb .pixel
    inc bx
    cmp bx, 240
    jne .row
    ret

; 320x240 with a byte address for each four pixels.
mode_x:
    mov ax, 0x0013
    int 0x10
    register 0x3c4, 0x04, 0x06
    register 0x3c4, 0x00, 0x01
    mov dx, 0x3c2
    mov al, 0xe3
    out dx, al
    register 0x3c4, 0x00, 0x03
    mov dx, 0x3d4
    mov al, 0x11                ; registers 0 to 7 are protected
    out dx, al
    inc dx
    in al, dx
    and al, 0x7f
    out dx, al
    dec dx
    mov si, .registers
    mov cx, 10
.next:
    lodsw
    out dx, ax
    loop .next
    ret
.registers:
    dw 0x0d06, 0x3e07, 0x4109, 0xea10, 0xac11, 0xdf12, 0x0014, 0xe715, 0x0616, 0xe317

; Colour n: red n / 4, green 3 n, blue the rest.
set_colours:
    mov dx, 0x3c8
    xor ax, ax
    out dx, al
    inc dx
    xor cx, cx
.next:
    mov al, cl
    shr al, 2
    out dx, al
    mov bl, al
    mov al, cl
    add al, cl
    add al, cl
    and al, 0x3f
    out dx, al
    mov al, 63
    sub al, bl
    out dx, al
    inc cl
    jnz .next
    ret

; The screen starts at bx, from the next picture on.
show_at:
    mov dx, 0x3da
.active:
    in al, dx
    test al, 8
    jnz .active
    mov dx, 0x3d4
    mov al, 0x0c
    mov ah, bh
    out dx, ax
    inc al
    mov ah, bl
    out dx, ax
    mov dx, 0x3da
.retrace:
    in al, dx
    test al, 8
    jz .retrace
    ret

; ah to register al of the attribute controller.
attribute:
    push ax
    mov dx, 0x3da
    in al, dx
    pop ax
    mov dx, 0x3c0
    out dx, al
    mov al, ah
    out dx, al
    ret

wait_for_key:
    mov ah, 0
    int 0x16
    ret

    times 2560 - ($ - $$) db 0
