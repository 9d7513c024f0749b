using HvSdk.Live;
using HvSdk.Testing;

namespace HvSdk.Conformance.Tests;

/// <summary>The instructions of AArch64. X16 and X17 are scratch, X27 and X28 hold the places of the device and of the host (<see cref="Arm64Program"/>).</summary>
internal sealed class Arm64GuestCode(Arm64Assembler a) : GuestCode
{
    private const int Scratch = 16;
    private const int OtherScratch = 17;
    private const int Device = 27;
    private const int Host = 28;

    private readonly Dictionary<string, ulong> _symbols = [];

    /// <summary>Named places of the program: filled as it is assembled.</summary>
    public IReadOnlyDictionary<string, ulong> Symbols => _symbols;

    public override void Set(GuestRegister register, ulong value) => a.Mov((int)register, value);

    public override void Copy(GuestRegister target, GuestRegister source) => a.AddRegister((int)target, Arm64Assembler.Zero, (int)source);

    public override void Add(GuestRegister register, int value)
    {
        if (value < 0)
        {
            a.Sub((int)register, (int)register, -value);
        }
        else
        {
            a.Add((int)register, (int)register, value);
        }
    }

    public override void Load(int size, int displacement, GuestRegister register, GuestRegister address) => a.Ldr((int)register, Reach((int)address, size, displacement), size, Offset(size, displacement));

    public override void Store(int size, int displacement, GuestRegister register, GuestRegister address) => a.Str((int)register, Reach((int)address, size, displacement), size, Offset(size, displacement));

    public override void Increment(int size, int displacement, GuestRegister address)
    {
        a.Ldr(OtherScratch, (int)address, size, displacement);
        a.Add(OtherScratch, OtherScratch, 1);
        a.Str(OtherScratch, (int)address, size, displacement);
    }

    public override void IncrementAtomically(GuestRegister address)
    {
        // Until the store has met nobody else's (Arm ARM, B2.9).
        Arm64Label again = new();
        a.Mark(again);
        a.LoadExclusive(OtherScratch, (int)address);
        a.Add(OtherScratch, OtherScratch, 1);
        a.StoreExclusive(Scratch, OtherScratch, (int)address);
        a.Cbnz(Scratch, again);
    }

    public override void CopySixteen(int from, int to)
    {
        a.LoadVector(0, (int)GuestRegister.Address, from);
        a.StoreVector(0, (int)GuestRegister.Address, to);
    }

    public override void In(int size, int offset) => a.Ldr((int)GuestRegister.Value, Reach(Device, size, offset), size, Offset(size, offset));

    public override void Out(int size, int offset) => a.Str((int)GuestRegister.Value, Reach(Device, size, offset), size, Offset(size, offset));

    public override void Ask() => a.Ldr((int)GuestRegister.Value, Host, 1);

    public override void Done() => a.Str((int)GuestRegister.Value, Host, 1);

    public override void End()
    {
        if (Guest.LeavesAtHalt)
        {
            a.Wfi();
        }
        else
        {
            Done();
        }
    }

    public override void Nop() => a.Nop();

    public override void Break() => a.Brk();

    public override GuestLabel CreateLabel() => new Place();

    public override void Mark(GuestLabel label) => a.Mark(((Place)label).Label);

    public override void Jump(GuestLabel label) => a.B(((Place)label).Label);

    public override void JumpTo(ulong address)
    {
        a.Mov(Scratch, address);
        a.BranchTo(Scratch);
    }

    public override void JumpUnlessZero(GuestRegister register, GuestLabel label) => a.Cbnz((int)register, ((Place)label).Label);

    public override void JumpIfEqual(GuestRegister register, ulong value, GuestLabel label)
    {
        a.Mov(Scratch, value);
        a.SubtractRegister(Scratch, (int)register, Scratch);
        a.Cbz(Scratch, ((Place)label).Label);
    }

    public override void Symbol(string name) => _symbols.Add(name, a.Position);

    private static bool IsInReach(int size, int displacement) => displacement % size == 0 && displacement / size is >= 0 and < 4096;

    private static int Offset(int size, int displacement) => IsInReach(size, displacement) ? displacement : 0;

    /// <summary>The base register, or the sum where the instruction cannot hold the displacement.</summary>
    private int Reach(int address, int size, int displacement)
    {
        if (IsInReach(size, displacement))
        {
            return address;
        }

        a.Mov(Scratch, unchecked((ulong)(long)displacement));
        a.AddRegister(Scratch, address, Scratch);
        return Scratch;
    }

    private sealed class Place : GuestLabel
    {
        public Arm64Label Label { get; } = new();
    }
}
