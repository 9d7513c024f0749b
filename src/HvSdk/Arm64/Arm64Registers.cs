using System.Globalization;
using System.Runtime.CompilerServices;
using System.Text;

namespace HvSdk;

/// <summary>The general-purpose registers X0 to X30, the program counter and PSTATE of an AArch64 vCPU (Arm ARM, B1.2).</summary>
/// <remarks>
/// Read and written as a whole through <see cref="Arm64Vcpu.GetRegisters()"/> and <see cref="Arm64Vcpu.SetRegisters(in Arm64Registers)"/>. The stack
/// pointers are system registers: <see cref="Arm64SystemRegister.SpEl0"/> and <see cref="Arm64SystemRegister.SpEl1"/>.
/// </remarks>
public record struct Arm64Registers
{
    /// <summary>How many general-purpose registers there are: X0 to X30.</summary>
    public const int Count = 31;

    private Values _x;

    /// <summary>A general-purpose register: X0 to X30.</summary>
    /// <param name="index">Its number, 0 to 30.</param>
    /// <exception cref="IndexOutOfRangeException">There is no such register; XZR and SP are none.</exception>
    public ulong this[int index]
    {
        readonly get => _x[index];
        set => _x[index] = value;
    }

    /// <summary>X0 to X30 as an array of its own, for what takes the record apart: serializers. One of them is read and written by its index.</summary>
    /// <exception cref="ArgumentException">There are not 31 values.</exception>
    public ulong[] General
    {
        readonly get => ((ReadOnlySpan<ulong>)_x).ToArray();
        set
        {
            ArgumentNullException.ThrowIfNull(value);
            if (value.Length != Count)
            {
                throw new ArgumentException($"X0 to X30 are {Count} values, and {value.Length} were given.", nameof(value));
            }

            value.CopyTo(_x);
        }
    }

    /// <summary>Program counter.</summary>
    public ulong Pc { get; set; }

    /// <summary>PSTATE as SPSR_ELx lays it out (<see cref="Arm64Pstate"/>).</summary>
    public ulong Pstate { get; set; }

    /// <summary>A register by its name, as the batched form takes it.</summary>
    /// <param name="name">The name.</param>
    internal ulong this[Arm64Register name]
    {
        readonly get => name switch
        {
            >= Arm64Register.X0 and <= Arm64Register.X30 => _x[(int)name],
            Arm64Register.Pc => Pc,
            Arm64Register.Pstate => Pstate,
            _ => throw Unknown(name),
        };
        set
        {
            switch (name)
            {
                case >= Arm64Register.X0 and <= Arm64Register.X30: _x[(int)name] = value; break;
                case Arm64Register.Pc: Pc = value; break;
                case Arm64Register.Pstate: Pstate = value; break;
                default: throw Unknown(name);
            }
        }
    }

    /// <summary>The registers that are not zero, in hexadecimal: what ToString shows.</summary>
    private readonly bool PrintMembers(StringBuilder builder)
    {
        builder.Append(CultureInfo.InvariantCulture, $"{nameof(Pc)} = 0x{Pc:X}, {nameof(Pstate)} = 0x{Pstate:X}");
        for (int i = 0; i < Count; i++)
        {
            if (_x[i] != 0)
            {
                builder.Append(CultureInfo.InvariantCulture, $", X{i} = 0x{_x[i]:X}");
            }
        }

        return true;
    }

    private static ArgumentOutOfRangeException Unknown(Arm64Register name) =>
        new(nameof(name), name, $"{name} is not a member of {nameof(Arm64Register)}.");

    [InlineArray(Count)]
    private struct Values : IEquatable<Values>
    {
        private ulong _first;

        // An inline array has no equality of its own: the runtime's default throws.
        public readonly bool Equals(Values other) => ((ReadOnlySpan<ulong>)this).SequenceEqual(other);

        public override readonly bool Equals(object? obj) => obj is Values other && Equals(other);

        public override readonly int GetHashCode()
        {
            HashCode hash = default;
            foreach (ulong value in this)
            {
                hash.Add(value);
            }

            return hash.ToHashCode();
        }
    }
}
