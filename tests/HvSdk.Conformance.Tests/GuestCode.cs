using HvSdk.Live;

namespace HvSdk.Conformance.Tests;

/// <summary>
/// Writes a guest's instructions for the architecture under test: what all of them have. So one program, and one test, serves each. Sizes are in bytes; a load of 1 or 2 bytes leaves the
/// rest of its register alone on x86-64 and clears it on AArch64 (<see cref="Guest.Merge"/>).
/// </summary>
internal abstract class GuestCode
{
    /// <summary>A number into a register.</summary>
    public abstract void Set(GuestRegister register, ulong value);

    /// <summary>One register into another.</summary>
    public abstract void Copy(GuestRegister target, GuestRegister source);

    /// <summary>Adds a small number, or takes it away.</summary>
    public abstract void Add(GuestRegister register, int value);

    /// <summary>A load from [address + displacement].</summary>
    public abstract void Load(int size, int displacement = 0, GuestRegister register = GuestRegister.Value, GuestRegister address = GuestRegister.Address);

    /// <summary>A store to [address + displacement].</summary>
    public abstract void Store(int size, int displacement = 0, GuestRegister register = GuestRegister.Value, GuestRegister address = GuestRegister.Address);

    /// <summary>Adds one to memory, not atomically.</summary>
    public abstract void Increment(int size, int displacement = 0, GuestRegister address = GuestRegister.Address);

    /// <summary>Adds one to 8 bytes of memory, atomically.</summary>
    public abstract void IncrementAtomically(GuestRegister address = GuestRegister.Address);

    /// <summary>Copies 16 bytes at once, by a vector register, from [address + from] to [address + to].</summary>
    public abstract void CopySixteen(int from, int to);

    /// <summary>Reads from the device's registers (<see cref="Guest.DevicePlace"/>) to <see cref="GuestRegister.Value"/>.</summary>
    public abstract void In(int size, int offset = 0);

    /// <summary>Writes <see cref="GuestRegister.Value"/> to the device's registers.</summary>
    public abstract void Out(int size, int offset = 0);

    /// <summary>Reads a byte that only the host can give, to <see cref="GuestRegister.Value"/>: an exit <see cref="Guest.ReadExit"/>.</summary>
    public abstract void Ask();

    /// <summary>Tells the host that the program is done, also where it must not halt: an exit <see cref="Guest.WriteExit"/> at <see cref="Guest.DonePlace"/>.</summary>
    public abstract void Done();

    /// <summary>Ends the program: an exit <see cref="Guest.EndExit"/>, which is a wait for an interrupt where the host leaves for it; not at privilege level 3.</summary>
    public abstract void End();

    public abstract void Nop();

    /// <summary>A breakpoint instruction.</summary>
    public abstract void Break();

    public abstract GuestLabel CreateLabel();

    /// <summary>Puts a label here.</summary>
    public abstract void Mark(GuestLabel label);

    public abstract void Jump(GuestLabel label);

    /// <summary>A jump to an address.</summary>
    public abstract void JumpTo(ulong address);

    public abstract void JumpUnlessZero(GuestRegister register, GuestLabel label);

    public abstract void JumpIfEqual(GuestRegister register, ulong value, GuestLabel label);

    /// <summary>Gives this place a name.</summary>
    public abstract void Symbol(string name);

    /// <summary>A jump back to here.</summary>
    public GuestLabel MarkHere()
    {
        GuestLabel label = CreateLabel();
        Mark(label);
        return label;
    }
}

/// <summary>A place that jumps of a <see cref="GuestCode"/> lead to.</summary>
internal abstract class GuestLabel;
