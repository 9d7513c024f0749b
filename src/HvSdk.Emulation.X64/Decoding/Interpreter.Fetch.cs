using Iced.Intel;

namespace HvSdk.Emulation;

/// <summary>From RIP to decoded instructions.</summary>
internal static partial class Interpreter<TMachine>
{
    /// <summary>Finds or makes the block at RIP.</summary>
    private static bool Fetch(Core c, ref TMachine m, out int index, out int end)
    {
        index = end = 0;
        ulong rip = c.Gpr[RegisterIndex.Rip];
        c.BlockRip = rip;
        ulong linear = rip;
        ulong limit = ulong.MaxValue;
        if (c.Is64)
        {
            if (!c.IsCanonical(rip))
            {
                c.NoteInstruction(0);
                return c.GeneralProtection();
            }
        }
        else
        {
            limit = c.Segments[SegmentIndex.Cs].Limit;
            linear = (uint)(c.Segments[SegmentIndex.Cs].Base + rip);
            if (rip > limit)
            {
                c.NoteInstruction(0);
                return c.GeneralProtection();
            }
        }

        if (!Translate(c, ref m, linear, AccessKind.Execute, system: false, out ulong gpa))
        {
            c.NoteInstruction(0);
            return false;
        }

        DecodeCache cache = c.Cache;
        ref DecodeCache.Block block = ref cache.Slot(gpa);
        if (block.Key == DecodeCache.Key(gpa, c.CodeBits) && rip + (ulong)block.ByteCount - 1 <= limit)
        {
            Span<byte> now = c.Reader.Buffer[..block.ByteCount];
            if (m.TryRead(gpa, now) && now.SequenceEqual(cache.BytesOf(block)))
            {
                c.EnterBlock(gpa, block.ByteCount);
                index = block.FirstOp;
                end = index + block.OpCount;
                return true;
            }
        }

        return Decode(c, ref m, linear, gpa, limit - rip, out index, out end);
    }

    /// <summary>Decodes a block.</summary>
    /// <param name="c">The processor.</param>
    /// <param name="m">The machine.</param>
    /// <param name="linear">Where it starts.</param>
    /// <param name="gpa">The same, as a guest physical address.</param>
    /// <param name="last">The last byte that the code segment has, from the start.</param>
    /// <param name="index">The first instruction.</param>
    /// <param name="end">Behind the last one.</param>
    private static bool Decode(Core c, ref TMachine m, ulong linear, ulong gpa, ulong last, out int index, out int end)
    {
        index = end = 0;
        FetchReader reader = c.Reader;
        int count = Math.Min(DecodeCache.MaxBlockBytes, PageSize - (int)(gpa & PageMask));
        if (last < (ulong)count)
        {
            count = (int)last + 1;
        }

        if (!m.TryRead(gpa, reader.Buffer[..count]))
        {
            // Code where there is no memory. What a processor would get there is a matter of the board.
            c.NoteInstruction(0);
            return c.Unsupported();
        }

        reader.Count = count;
        reader.Position = 0;
        c.Cache.Reserve();
        int ops = 0;
        int bytes = 0;
        Decoder decoder = c.DecoderFor();
        while (ops < DecodeCache.MaxBlockOps)
        {
            reader.RanOut = false;
            decoder.IP = 0;
            decoder.Decode(out Instruction instruction);
            if (instruction.IsInvalid && reader.RanOut)
            {
                break;
            }

            ref Op op = ref c.Cache.Next(ops);
            OpBuilder.Build(instruction, c.Features, out op);
            if (instruction.IsInvalid)
            {
                op.Flags |= OpFlags.EndsBlock;
                op.Length = (byte)Math.Min(reader.Position - bytes, FetchReader.MaxInstruction);
            }

            ops++;
            bytes = reader.Position;
            if ((op.Flags & OpFlags.EndsBlock) != 0)
            {
                break;
            }
        }

        if (ops == 0)
        {
            return DecodeAcross(c, ref m, linear, gpa, count, last, out index, out end);
        }

        index = c.Cache.FirstFree;
        end = index + ops;
        c.EnterBlock(gpa, bytes);
        c.Cache.Commit(DecodeCache.Key(gpa, c.CodeBits), ref c.Cache.Slot(gpa), reader.Buffer[..bytes], ops);
        return true;
    }

    /// <summary>One instruction that goes on in the next page, or behind the end of the code segment. It is decoded each time.</summary>
    private static bool DecodeAcross(Core c, ref TMachine m, ulong linear, ulong first, int count, ulong last, out int index, out int end)
    {
        index = end = 0;
        FetchReader reader = c.Reader;
        c.NoteInstruction(Math.Min(count, FetchReader.MaxInstruction));
        if (count >= FetchReader.MaxInstruction || last < (ulong)count)
        {
            // Longer than an instruction may be, or than the segment is.
            return c.GeneralProtection();
        }

        ulong next = WrapLinear(c, linear + (ulong)count);
        int more = (int)Math.Min((ulong)(FetchReader.MaxInstruction - count), last - (ulong)count + 1);
        if ((c.Is64 && !c.IsCanonical(next) && !c.GeneralProtection()) || !Translate(c, ref m, next, AccessKind.Execute, system: false, out ulong gpa))
        {
            return false;
        }

        if (!m.TryRead(gpa, reader.Buffer.Slice(count, more)))
        {
            return c.Unsupported();
        }

        reader.Count = count + more;
        reader.Position = 0;
        reader.RanOut = false;
        Decoder decoder = c.DecoderFor();
        decoder.IP = 0;
        decoder.Decode(out Instruction instruction);
        c.NoteInstruction(reader.Position);
        if (instruction.IsInvalid && reader.RanOut)
        {
            return c.GeneralProtection();
        }

        c.Cache.Reserve();
        index = c.Cache.FirstFree;
        end = index + 1;
        ref Op op = ref c.Cache.Next(0);
        OpBuilder.Build(instruction, c.Features, out op);
        if (instruction.IsInvalid)
        {
            op.Length = (byte)Math.Min(reader.Position, FetchReader.MaxInstruction);
        }

        c.EnterBlockAcross(first, gpa);
        return true;
    }
}
