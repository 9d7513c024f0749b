using HvSdk.Live;
using HvSdk.Testing;
using Iced.Intel;
using static Iced.Intel.AssemblerRegisters;

namespace HvSdk.Conformance.Tests;

/// <summary>The instructions of x86-64, in long mode.</summary>
internal sealed class X64GuestCode(Assembler a, GuestMarks marks) : GuestCode
{
    public override void Set(GuestRegister register, ulong value) => a.mov(Whole(register), value);

    public override void Copy(GuestRegister target, GuestRegister source) => a.mov(Whole(target), Whole(source));

    public override void Add(GuestRegister register, int value) => a.add(Whole(register), value);

    public override void Load(int size, int displacement, GuestRegister register, GuestRegister address)
    {
        AssemblerMemoryOperand source = __[Whole(address) + displacement];
        Choose(size, () => a.mov(Byte(register), source), () => a.mov(Word(register), source), () => a.mov(Half(register), source), () => a.mov(Whole(register), source));
    }

    public override void Store(int size, int displacement, GuestRegister register, GuestRegister address)
    {
        AssemblerMemoryOperand target = __[Whole(address) + displacement];
        Choose(size, () => a.mov(target, Byte(register)), () => a.mov(target, Word(register)), () => a.mov(target, Half(register)), () => a.mov(target, Whole(register)));
    }

    public override void Increment(int size, int displacement, GuestRegister address)
    {
        AssemblerRegister64 place = Whole(address);
        Choose(
            size,
            () => a.inc(__byte_ptr[place + displacement]),
            () => a.inc(__word_ptr[place + displacement]),
            () => a.inc(__dword_ptr[place + displacement]),
            () => a.inc(__qword_ptr[place + displacement]));
    }

    public override void IncrementAtomically(GuestRegister address) => a.@lock.inc(__qword_ptr[Whole(address)]);

    public override void CopySixteen(int from, int to)
    {
        a.movups(xmm0, __[rdi + from]);
        a.movups(__[rdi + to], xmm0);
    }

    public override void In(int size, int offset)
    {
        a.mov(edx, TestMachine.DevicePort + offset);
        a.In(size);
    }

    public override void Out(int size, int offset)
    {
        a.mov(edx, TestMachine.DevicePort + offset);
        a.Out(size);
    }

    public override void Ask() => a.@in(al, Guest.DonePort);

    public override void Done() => a.Done();

    public override void End() => a.hlt();

    public override void Nop() => a.nop();

    public override void Break() => a.int3();

    public override GuestLabel CreateLabel() => new Place { Label = a.CreateLabel() };

    public override void Mark(GuestLabel label)
    {
        // An instruction takes one label; an instruction of no bytes makes room for several in one place.
        a.zero_bytes();
        a.Label(ref ((Place)label).Label);
    }

    public override void Jump(GuestLabel label) => a.jmp(((Place)label).Label);

    public override void JumpTo(ulong address)
    {
        a.mov(r11, address);
        a.jmp(r11);
    }

    public override void JumpUnlessZero(GuestRegister register, GuestLabel label)
    {
        a.test(Whole(register), Whole(register));
        a.jnz(((Place)label).Label);
    }

    public override void JumpIfEqual(GuestRegister register, ulong value, GuestLabel label)
    {
        a.mov(r11, value);
        a.cmp(Whole(register), r11);
        a.je(((Place)label).Label);
    }

    public override void Symbol(string name) => marks.Symbol(name);

    private static void Choose(int size, Action one, Action two, Action four, Action eight) =>
        (size switch { 1 => one, 2 => two, 4 => four, 8 => eight, _ => throw new ArgumentOutOfRangeException(nameof(size), size, "An access has 1, 2, 4 or 8 bytes.") })();

    private static AssemblerRegister64 Whole(GuestRegister register) => register switch
    {
        GuestRegister.Value => rax,
        GuestRegister.Address => rdi,
        GuestRegister.Count => rcx,
        GuestRegister.First => rbx,
        GuestRegister.Second => r8,
        _ => r9,
    };

    private static AssemblerRegister32 Half(GuestRegister register) => register switch
    {
        GuestRegister.Value => eax,
        GuestRegister.Address => edi,
        GuestRegister.Count => ecx,
        GuestRegister.First => ebx,
        GuestRegister.Second => r8d,
        _ => r9d,
    };

    private static AssemblerRegister16 Word(GuestRegister register) => register switch
    {
        GuestRegister.Value => ax,
        GuestRegister.Address => di,
        GuestRegister.Count => cx,
        GuestRegister.First => bx,
        GuestRegister.Second => r8w,
        _ => r9w,
    };

    private static AssemblerRegister8 Byte(GuestRegister register) => register switch
    {
        GuestRegister.Value => al,
        GuestRegister.Address => dil,
        GuestRegister.Count => cl,
        GuestRegister.First => bl,
        GuestRegister.Second => r8b,
        _ => r9b,
    };

    private sealed class Place : GuestLabel
    {
        public Label Label;
    }
}
