namespace HvSdk.Emulation;

/// <summary>Accesses longer than 8 bytes: vector registers and the areas of FXSAVE and XSAVE.</summary>
/// <remarks>In RAM they are one access where they lie in one page. Elsewhere they are parts of at most 8 bytes, none of which crosses a page; no part is done before all pages were looked at.</remarks>
internal static partial class Interpreter<TMachine>
{
    /// <summary>Reads a run of 1 to 4096 bytes.</summary>
    internal static bool ReadBlock(Core c, ref TMachine m, int segment, ulong offset, scoped Span<byte> data)
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

        if (!CheckPages(c, ref m, linear, data.Length, AccessKind.Read))
        {
            return false;
        }

        c.LogsRam |= data.Length <= 64;
        for (int i = 0; i < data.Length;)
        {
            ulong part = WrapLinear(c, linear + (ulong)i);
            int size = FirstPart(part, Math.Min(8, data.Length - i));
            if (!Translate(c, ref m, part, AccessKind.Read, system: false, out ulong gpa) || !ReadPhysical(c, ref m, gpa, size, out ulong value))
            {
                return false;
            }

            Bytes(ref value, size).CopyTo(data[i..]);
            i += size;
        }

        return true;
    }

    /// <summary>Writes a run of 1 to 4096 bytes.</summary>
    internal static bool WriteBlock(Core c, ref TMachine m, int segment, ulong offset, scoped ReadOnlySpan<byte> data)
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

        if (!CheckPages(c, ref m, linear, data.Length, AccessKind.Write))
        {
            return false;
        }

        c.LogsRam |= data.Length <= 64;
        for (int i = 0; i < data.Length;)
        {
            ulong part = WrapLinear(c, linear + (ulong)i);
            int size = FirstPart(part, Math.Min(8, data.Length - i));
            ulong value = 0;
            data.Slice(i, size).CopyTo(Bytes(ref value, size));
            if (!Translate(c, ref m, part, AccessKind.Write, system: false, out ulong gpa) || !WritePhysical(c, ref m, gpa, size, value))
            {
                return false;
            }

            i += size;
        }

        return true;
    }

    /// <summary>Checks that a run can be accessed, before anything of it is.</summary>
    private static bool CheckPages(Core c, ref TMachine m, ulong linear, int length, AccessKind kind)
    {
        ulong last = WrapLinear(c, linear + (ulong)length - 1);
        for (ulong page = linear; ; page = WrapLinear(c, (page & ~PageMask) + PageSize))
        {
            if ((c.Is64 && !c.IsCanonical(page) && !c.GeneralProtection()) || !Translate(c, ref m, page, kind, system: false, out _))
            {
                return false;
            }

            if ((page & ~PageMask) == (last & ~PageMask))
            {
                return true;
            }
        }
    }
}
