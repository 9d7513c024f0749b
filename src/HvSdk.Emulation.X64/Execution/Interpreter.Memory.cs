using System.Runtime.InteropServices;

namespace HvSdk.Emulation;

/// <summary>Accesses of memory: segmentation, pages, RAM or the way out.</summary>
internal static partial class Interpreter<TMachine>
{
    private const ulong PageMask = 0xFFF;
    private const int PageSize = 0x1000;

    /// <summary>The first bytes of a value.</summary>
    private static Span<byte> Bytes(ref ulong value, int size) => MemoryMarshal.AsBytes(new Span<ulong>(ref value))[..size];

    /// <summary>Segment and offset to a linear address, with the checks of the mode (Intel SDM vol. 3A, 5.3; vol. 1, 3.3.7.1).</summary>
    internal static bool Linear(Core c, int segment, ulong offset, int size, AccessKind kind, out ulong linear)
    {
        ref readonly SegmentView view = ref c.Views[segment];
        linear = view.Base + offset;
        if (c.Is64)
        {
            return c.IsCanonical(linear) || (segment == SegmentIndex.Ss ? c.Raise(Vectors.StackFault, 0) : c.GeneralProtection());
        }

        linear = (uint)linear;
        bool allowed = kind == AccessKind.Write ? view.CanWrite : view.CanRead;
        if (allowed && offset >= view.Low && offset + (ulong)size - 1 <= view.High)
        {
            return true;
        }

        return segment == SegmentIndex.Ss ? c.Raise(Vectors.StackFault, 0) : c.GeneralProtection();
    }

    /// <summary>Reads 1 to 8 bytes.</summary>
    internal static bool Read(Core c, ref TMachine m, int segment, ulong offset, int size, out ulong value)
    {
        if (!Linear(c, segment, offset, size, AccessKind.Read, out ulong linear))
        {
            value = 0;
            return false;
        }

        return ReadLinear(c, ref m, linear, size, system: false, AccessKind.Read, out value);
    }

    /// <summary>Reads 1 to 8 bytes that the instruction will write afterwards: the page must be writable.</summary>
    internal static bool ReadForWrite(Core c, ref TMachine m, int segment, ulong offset, int size, out ulong value)
    {
        if (!Linear(c, segment, offset, size, AccessKind.Write, out ulong linear))
        {
            value = 0;
            return false;
        }

        return ReadLinear(c, ref m, linear, size, system: false, AccessKind.Write, out value);
    }

    /// <summary>Writes 1 to 8 bytes.</summary>
    internal static bool Write(Core c, ref TMachine m, int segment, ulong offset, int size, ulong value) =>
        Linear(c, segment, offset, size, AccessKind.Write, out ulong linear) && WriteLinear(c, ref m, linear, size, system: false, value);

    /// <summary>Reads 1 to 8 bytes at a linear address.</summary>
    /// <param name="c">The processor.</param>
    /// <param name="m">The machine.</param>
    /// <param name="linear">The address.</param>
    /// <param name="size">How many bytes.</param>
    /// <param name="system">An access of the processor itself, with supervisor's rights.</param>
    /// <param name="rights">Write where the instruction will write there too.</param>
    /// <param name="value">The value.</param>
    internal static bool ReadLinear(Core c, ref TMachine m, ulong linear, int size, bool system, AccessKind rights, out ulong value)
    {
        if ((linear & PageMask) + (ulong)size <= PageSize && !c.ChecksAlignment)
        {
            if (Translate(c, ref m, linear, rights, system, out ulong gpa))
            {
                return ReadPhysical(c, ref m, gpa, size, out value);
            }

            value = 0;
            return false;
        }

        return ReadAcross(c, ref m, linear, size, system, rights, out value);
    }

    internal static bool WriteLinear(Core c, ref TMachine m, ulong linear, int size, bool system, ulong value)
    {
        if ((linear & PageMask) + (ulong)size <= PageSize && !c.ChecksAlignment)
        {
            return Translate(c, ref m, linear, AccessKind.Write, system, out ulong gpa) && WritePhysical(c, ref m, gpa, size, value);
        }

        return WriteAcross(c, ref m, linear, size, system, value);
    }

    private static bool ReadPhysical(Core c, ref TMachine m, ulong gpa, int size, out ulong value)
    {
        ulong read = 0;
        if (!c.LogsRam && m.TryRead(gpa, Bytes(ref read, size)))
        {
            value = read;
            return true;
        }

        return ReadLogged(c, ref m, gpa, size, out value);
    }

    private static bool ReadLogged(Core c, ref TMachine m, ulong gpa, int size, out ulong value)
    {
        value = 0;
        if (c.TakeLogged(Core.LogKind.MemoryRead, gpa, size, ref value))
        {
            return true;
        }

        ulong read = 0;
        if (c.LogsRam && m.TryRead(gpa, Bytes(ref read, size)))
        {
            value = read;
            return c.AppendLog(Core.LogKind.MemoryRead, gpa, size, read);
        }

        return c.Leave(Core.LogKind.MemoryRead, gpa, size, 0);
    }

    private static bool WritePhysical(Core c, ref TMachine m, ulong gpa, int size, ulong value)
    {
        ulong done = 0;
        if (c.LogsRam && c.TakeLogged(Core.LogKind.MemoryWrite, gpa, size, ref done))
        {
            return true;
        }

        if (m.TryWrite(gpa, Bytes(ref value, size)))
        {
            c.Touch(gpa, size);
            return !c.LogsRam || c.AppendLog(Core.LogKind.MemoryWrite, gpa, size, value);
        }

        return c.TakeLogged(Core.LogKind.MemoryWrite, gpa, size, ref done) || c.Leave(Core.LogKind.MemoryWrite, gpa, size, value);
    }

    /// <summary>An access that is misaligned under #AC, or crosses a page: both pages are looked at before anything is read.</summary>
    private static bool ReadAcross(Core c, ref TMachine m, ulong linear, int size, bool system, AccessKind rights, out ulong value)
    {
        value = 0;
        if (!IsAligned(c, linear, size, system))
        {
            return false;
        }

        int first = FirstPart(linear, size);
        if (first == size)
        {
            return Translate(c, ref m, linear, rights, system, out ulong gpa) && ReadPhysical(c, ref m, gpa, size, out value);
        }

        if (!TranslateBoth(c, ref m, linear, first, rights, system, out ulong gpa0, out ulong gpa1))
        {
            return false;
        }

        c.LogsRam = true;
        if (!ReadPhysical(c, ref m, gpa0, first, out ulong low) || !ReadPhysical(c, ref m, gpa1, size - first, out ulong high))
        {
            return false;
        }

        value = low | (high << (first * 8));
        return true;
    }

    private static bool WriteAcross(Core c, ref TMachine m, ulong linear, int size, bool system, ulong value)
    {
        if (!IsAligned(c, linear, size, system))
        {
            return false;
        }

        int first = FirstPart(linear, size);
        if (first == size)
        {
            return Translate(c, ref m, linear, AccessKind.Write, system, out ulong gpa) && WritePhysical(c, ref m, gpa, size, value);
        }

        if (!TranslateBoth(c, ref m, linear, first, AccessKind.Write, system, out ulong gpa0, out ulong gpa1))
        {
            return false;
        }

        c.LogsRam = true;
        return WritePhysical(c, ref m, gpa0, first, value & Sizes.Mask(8) >> (64 - (first * 8)))
            && WritePhysical(c, ref m, gpa1, size - first, value >> (first * 8));
    }

    private static bool IsAligned(Core c, ulong linear, int size, bool system) =>
        !c.ChecksAlignment || system || (linear & (ulong)(size - 1)) == 0 || c.Raise(Vectors.AlignmentCheck, 0);

    private static int FirstPart(ulong linear, int size) => Math.Min(size, PageSize - (int)(linear & PageMask));

    private static bool TranslateBoth(Core c, ref TMachine m, ulong linear, int first, AccessKind rights, bool system, out ulong gpa0, out ulong gpa1)
    {
        gpa1 = 0;
        ulong second = linear + (ulong)first;
        if (!c.Is64 && !c.IsLong)
        {
            second = (uint)second;
        }

        return Translate(c, ref m, linear, rights, system, out gpa0)
            && (!c.Is64 || c.IsCanonical(second) || c.GeneralProtection())
            && Translate(c, ref m, second, rights, system, out gpa1);
    }

    /// <summary>Checks that so many bytes can be written, before an instruction changes anything.</summary>
    internal static bool Probe(Core c, ref TMachine m, int segment, ulong offset, int size)
    {
        if (!Linear(c, segment, offset, size, AccessKind.Write, out ulong linear) || !IsAligned(c, linear, size, system: false))
        {
            return false;
        }

        int first = FirstPart(linear, size);
        return first == size
            ? Translate(c, ref m, linear, AccessKind.Write, system: false, out _)
            : TranslateBoth(c, ref m, linear, first, AccessKind.Write, system: false, out _, out _);
    }

    /// <summary>Reads a run of any length: vector registers, FXSAVE areas. It is done in parts of 8 bytes.</summary>
    internal static bool ReadBlock(Core c, ref TMachine m, int segment, ulong offset, Span<byte> data)
    {
        if (!Linear(c, segment, offset, data.Length, AccessKind.Read, out ulong linear))
        {
            return false;
        }

        if ((linear & PageMask) + (ulong)data.Length <= PageSize && !c.LogsRam)
        {
            if (!Translate(c, ref m, linear, AccessKind.Read, system: false, out ulong gpa))
            {
                return false;
            }

            if (m.TryRead(gpa, data))
            {
                return true;
            }
        }

        c.LogsRam |= data.Length <= 64;
        for (int i = 0; i < data.Length; i += 8)
        {
            int size = Math.Min(8, data.Length - i);
            if (!ReadLinear(c, ref m, WrapLinear(c, linear + (ulong)i), size, system: false, AccessKind.Read, out ulong value))
            {
                return false;
            }

            Bytes(ref value, size).CopyTo(data[i..]);
        }

        return true;
    }

    /// <summary>Writes a run of any length. All its pages are looked at first.</summary>
    internal static bool WriteBlock(Core c, ref TMachine m, int segment, ulong offset, ReadOnlySpan<byte> data)
    {
        if (!Linear(c, segment, offset, data.Length, AccessKind.Write, out ulong linear))
        {
            return false;
        }

        if ((linear & PageMask) + (ulong)data.Length <= PageSize && !c.LogsRam)
        {
            if (!Translate(c, ref m, linear, AccessKind.Write, system: false, out ulong gpa))
            {
                return false;
            }

            if (m.TryWrite(gpa, data))
            {
                c.Touch(gpa, data.Length);
                return true;
            }
        }

        ulong last = WrapLinear(c, linear + (ulong)data.Length - 1);
        for (ulong page = linear; ; page = WrapLinear(c, (page & ~PageMask) + PageSize))
        {
            if ((c.Is64 && !c.IsCanonical(page) && !c.GeneralProtection()) || !Translate(c, ref m, page, AccessKind.Write, system: false, out _))
            {
                return false;
            }

            if ((page & ~PageMask) == (last & ~PageMask))
            {
                break;
            }
        }

        c.LogsRam |= data.Length <= 64;
        for (int i = 0; i < data.Length; i += 8)
        {
            int size = Math.Min(8, data.Length - i);
            ulong value = 0;
            data.Slice(i, size).CopyTo(Bytes(ref value, size));
            if (!WriteLinear(c, ref m, WrapLinear(c, linear + (ulong)i), size, system: false, value))
            {
                return false;
            }
        }

        return true;
    }

    private static ulong WrapLinear(Core c, ulong linear) => c.Is64 ? linear : (uint)linear;

    /// <summary>Reads a port, without a look at rights.</summary>
    private static bool ReadPort(Core c, ulong port, int size, out ulong value)
    {
        value = 0;
        return c.TakeLogged(Core.LogKind.PortRead, port, size, ref value) || c.Leave(Core.LogKind.PortRead, port, size, 0);
    }

    /// <summary>Writes a port, without a look at rights.</summary>
    private static bool WritePort(Core c, ulong port, int size, ulong value)
    {
        ulong done = 0;
        return c.TakeLogged(Core.LogKind.PortWrite, port, size, ref done) || c.Leave(Core.LogKind.PortWrite, port, size, value & Sizes.Mask(size));
    }
}
